using Relay.Protocol;

namespace Relay.Client;

/// <summary>
/// The last replies, up to so many bytes: what goes out in the place of an event's ack, again if the event comes again while its
/// sender waits. One that has been forgotten leaves an ack, which is all that must not be lost. Not thread-safe.
/// </summary>
internal sealed class RecentReplies(int capacityBytes)
{
    /// <summary>What an entry costs besides its body.</summary>
    private const int Overhead = 1024;

    private readonly OrderedDictionary<string, ReplyMessage> _byId = new(StringComparer.Ordinal);
    private long _bytes;

    public ReplyMessage? Find(string id) => _byId.GetValueOrDefault(id);

    public void Add(ReplyMessage reply)
    {
        Forget(reply.Id!);
        _byId.Add(reply.Id!, reply);
        _bytes += SizeOf(reply);
        while (_bytes > capacityBytes)
        {
            Forget(_byId.GetAt(0).Key);
        }
    }

    /// <returns>Whether it was there.</returns>
    public bool Forget(string id)
    {
        if (!_byId.Remove(id, out var reply))
        {
            return false;
        }

        _bytes -= SizeOf(reply);
        return true;
    }

    public void Clear()
    {
        _byId.Clear();
        _bytes = 0;
    }

    private static long SizeOf(ReplyMessage reply) => Overhead + (reply.BodyBase64?.Length ?? 0);
}
