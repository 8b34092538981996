using System.Globalization;
using Relay.Server.Delivery;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis.Batches;

/// <summary>The acceptance of an event that may be kept in a batch with those of its agent that go to Redis with it.</summary>
/// <param name="key">The agent's.</param>
/// <param name="accepted">The event.</param>
/// <param name="terms">As accept.lua is given them.</param>
/// <param name="lease">To whom it is leased, if it may be.</param>
/// <param name="rules">How large batches may be.</param>
internal sealed class EventCall(string key, NewEvent accepted, RedisValue terms, Lease? lease, BatchRules rules)
    : LaneCall(RedisScript.Accept, key, accepted.SizeBytes)
{
    private readonly TaskCompletionSource<AcceptResult> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<AcceptResult> Task => _result.Task;

    public NewEvent Accepted => accepted;

    public RedisValue Terms => terms;

    public Lease? Lease => lease;

    public BatchRules Rules => rules;

    /// <summary>Where it is, as it was sent last.</summary>
    public BatchPlace? Place { get; set; }

    /// <param name="answer">What accept.lua answers for the batch: what became of it as a whole, or of each of its events.</param>
    public override void Succeed(RedisResult answer)
    {
        try
        {
            _result.TrySetResult(Read((RedisValue)answer));
        }
        catch (Exception error)
        {
            // Whatever it is: who waits for it must hear of it.
            _result.TrySetException(error);
        }
    }

    public override void Fail(Exception cause) => _result.TrySetException(cause);

    private AcceptResult Read(RedisValue answer)
    {
        if (answer.IsInteger)
        {
            var result = QueueReplies.Accept(accepted.Id, answer);
            return result.Status == AcceptStatus.Leased ? result with { Place = Place } : result;
        }

        var own = ((string)answer!).Split(' ')[Place!.Number];
        return QueueReplies.Accept(accepted.Id, long.TryParse(own, NumberStyles.None, CultureInfo.InvariantCulture, out var status) ? status : own);
    }
}
