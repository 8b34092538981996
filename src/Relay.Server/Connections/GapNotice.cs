using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Storage;

namespace Relay.Server.Connections;

/// <summary>
/// Tells an agent what was given up since it was told last. It is forgotten when the agent has said anything after that, so that a
/// connection that breaks at once costs no news: the next one is told again.
/// </summary>
/// <param name="queue">Where it is kept until then.</param>
/// <param name="agent">Who is told.</param>
/// <param name="gaps">One or more.</param>
/// <param name="logger">The connection's.</param>
internal sealed partial class GapNotice(IDeliveryQueue queue, RelayId agent, IReadOnlyList<Gap> gaps, ILogger logger)
{
    private Task? _forgetting;

    public IEnumerable<GapMessage> Messages => gaps.Select(gap => new GapMessage
    {
        Reason = Gap.Name(gap.Reason),
        Count = gap.Count,
        From = gap.From.ToUnixTimeMilliseconds(),
        To = gap.To.ToUnixTimeMilliseconds(),
    });

    /// <summary>The agent lives: what it was sent before has arrived. The read loop only.</summary>
    public void Confirm() => _forgetting ??= ForgetAsync();

    public Task EndAsync() => _forgetting ?? Task.CompletedTask;

    private async Task ForgetAsync()
    {
        try
        {
            await queue.ForgetGapsAsync(agent, gaps);
        }
        catch (StoreUnavailableException exception)
        {
            NotForgotten(logger, agent, exception.Message);
        }
    }

    [LoggerMessage(1214, LogLevel.Warning, "{Agent} was told of a gap and will be told again: {Cause}")]
    private static partial void NotForgotten(ILogger logger, RelayId agent, string cause);
}
