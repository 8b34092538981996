using Relay.Protocol;

namespace Relay.Client;

/// <summary>Tells deliveries of the key's owner from others, and says so when it is another's. Any thread.</summary>
internal sealed class SignatureCheck(ClientSettings settings, ClientEvents events)
{
    /// <returns>Why nobody may see the delivery, for its history; null when it is genuine and fresh.</returns>
    public string? Fault(WebhookMessage message)
    {
        if (!message.HasValidSignature(settings.ApiKey) || (settings.SigningSecret is { } secret && !message.HasValidSignature(secret)))
        {
            events.Raise(new RelayError(
                RelayErrorKind.InvalidSignature, "A delivery has a wrong signature; it was given back and not shown.", message.Id));
            return ErrorCodes.InvalidSignature;
        }

        var now = settings.Time.GetUtcNow();
        if (!message.IsFresh(now))
        {
            events.Raise(new RelayError(
                RelayErrorKind.StaleTimestamp,
                $"A delivery's signature is right, but it was made {(now.ToUnixTimeMilliseconds() - (decimal)message.Timestamp) / 1000:0} s ago by this machine's clock. "
                + "One of the clocks may be wrong: compare them. The delivery was given back and not shown.",
                message.Id));
            return "stale_timestamp";
        }

        return null;
    }
}
