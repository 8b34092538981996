using Microsoft.Extensions.Options;

namespace Relay.Server.Delivery;

internal sealed class DeliveryOptionsValidator : IValidateOptions<DeliveryOptions>
{
    public ValidateOptionsResult Validate(string? name, DeliveryOptions options)
    {
        List<string> faults = [];
        Check(options.AckTimeout >= DeliveryLimits.MinAckTimeout && options.AckTimeout <= DeliveryLimits.MaxAckTimeout, nameof(options.AckTimeout), "must be from 00:00:01 to 1.00:00:00");
        Check(options.RetryDelays.All(static delay => delay >= TimeSpan.Zero && delay <= DeliveryLimits.MaxRetryDelay), nameof(options.RetryDelays), "must each be from 00:00:00 to 7.00:00:00");
        Check(options.MaxAttempts is >= 1 and <= DeliveryLimits.MaxAttempts, nameof(options.MaxAttempts), $"must be from 1 to {DeliveryLimits.MaxAttempts}");
        Check(options.Retention > TimeSpan.Zero && options.Retention <= DeliveryLimits.MaxRetention, nameof(options.Retention), "must be more than 00:00:00 and at most 3650.00:00:00");
        Check(options.DeadLetterRetention > TimeSpan.Zero, nameof(options.DeadLetterRetention), "must be more than 00:00:00");
        Check(options.DeliveredRetention >= TimeSpan.Zero, nameof(options.DeliveredRetention), "must not be negative");
        Check(options.DeliveredKept >= 0, nameof(options.DeliveredKept), "must not be negative");
        Check(options.DeliveredKeptBytes >= 0, nameof(options.DeliveredKeptBytes), "must not be negative");
        Check(options.MaxInFlight is >= 1 and <= DeliveryLimits.MaxInFlight, nameof(options.MaxInFlight), $"must be from 1 to {DeliveryLimits.MaxInFlight}");
        Check(options.MaxQueuedEvents >= 1, nameof(options.MaxQueuedEvents), "must be 1 or more");
        Check(options.MaxQueuedBytes >= 1, nameof(options.MaxQueuedBytes), "must be 1 or more");
        return faults.Count > 0 ? ValidateOptionsResult.Fail(faults) : ValidateOptionsResult.Success;

        void Check(bool right, string property, string rule)
        {
            if (!right)
            {
                faults.Add($"{DeliveryOptions.Section}:{property} {rule}.");
            }
        }
    }
}
