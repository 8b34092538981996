using Relay.Protocol;

namespace Relay.Client;

/// <summary>What is to be told to the server and was not yet. Not thread-safe: the ledger's, under its lock.</summary>
/// <param name="capacity">Acks, and as many nacks.</param>
/// <param name="replies">What goes out in the place of an ack.</param>
internal sealed class Outbox(int capacity, RecentReplies replies)
{
    /// <summary>Ids in one <c>ack</c> frame: about 10 KiB.</summary>
    private const int IdsPerFrame = 256;

    private readonly Dictionary<string, NackMessage> _nacks = new(StringComparer.Ordinal);
    private readonly HashSet<string> _extends = new(StringComparer.Ordinal);
    private readonly HashSet<string> _ackIds = new(StringComparer.Ordinal);
    private Queue<string> _acks = new();

    /// <summary>Nothing that must survive a connection is left.</summary>
    public bool IsEmpty => _acks.Count == 0 && _nacks.Count == 0;

    public bool HasNack(string id) => _nacks.ContainsKey(id);

    /// <summary>Beyond the capacity the oldest ack is dropped: the server delivers its event again.</summary>
    public void AddAck(string id)
    {
        if (_ackIds.Add(id))
        {
            _acks.Enqueue(id);
        }

        if (_acks.Count > capacity)
        {
            _ackIds.Remove(_acks.Dequeue());
        }
    }

    /// <summary>Beyond the capacity it is dropped: the server delivers the event again when its lease ends.</summary>
    public void AddNack(NackMessage nack)
    {
        if (_nacks.Count < capacity)
        {
            _nacks[nack.Id!] = nack;
        }
    }

    public void AddExtend(string id) => _extends.Add(id);

    public void RemoveExtend(string id) => _extends.Remove(id);

    /// <summary>Leases end with their connection.</summary>
    public void ForgetExtends() => _extends.Clear();

    /// <summary>Takes all: replies first, then acks, as many in a frame as fit.</summary>
    public Outgoing Take(long nowMs)
    {
        if (IsEmpty && _extends.Count == 0)
        {
            return Outgoing.Nothing;
        }

        var messages = new List<AgentMessage>();
        messages.AddRange(_acks.Select(replies.Find).OfType<ReplyMessage>());
        foreach (var ids in _acks.Where(id => replies.Find(id) is null).Chunk(IdsPerFrame))
        {
            messages.Add(ids.Length == 1
                ? new AckMessage { Id = ids[0], Timestamp = nowMs }
                : new AckMessage { Ids = ids, Timestamp = nowMs });
        }

        messages.AddRange(_nacks.Values);
        messages.AddRange(_extends.Select(id => new ExtendMessage { Id = id }));
        var outgoing = new Outgoing(messages, [.. _acks], [.. _nacks.Values]);
        _acks.Clear();
        _ackIds.Clear();
        _nacks.Clear();
        _extends.Clear();
        return outgoing;
    }

    /// <summary>Takes back what could not be sent, to the front.</summary>
    public void PutBack(Outgoing outgoing)
    {
        var later = _acks;
        _acks = new Queue<string>();
        _ackIds.Clear();
        foreach (var id in outgoing.Acks.Concat(later))
        {
            AddAck(id);
        }

        foreach (var nack in outgoing.Nacks)
        {
            _nacks.TryAdd(nack.Id!, nack);
        }
    }
}

/// <summary>What the writer took out of the outbox for one flush.</summary>
/// <param name="Messages">In the order in which they are sent.</param>
/// <param name="Acks">What is put back when sending fails.</param>
/// <param name="Nacks">What is put back when sending fails.</param>
internal sealed record Outgoing(IReadOnlyList<AgentMessage> Messages, IReadOnlyList<string> Acks, IReadOnlyList<NackMessage> Nacks)
{
    public static readonly Outgoing Nothing = new([], [], []);
}
