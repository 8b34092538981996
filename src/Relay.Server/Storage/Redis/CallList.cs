namespace Relay.Server.Storage.Redis;

/// <summary>A lane's calls that are not answered, in the order in which they were made. Guarded by the lane's lock.</summary>
internal sealed class CallList
{
    private LaneCall? _last;

    /// <summary>The oldest.</summary>
    public LaneCall? First { get; private set; }

    /// <summary>The oldest that is held; not to be relied on between <see cref="Hold"/> and <see cref="LookFromFirst"/>.</summary>
    public LaneCall? FirstHeld { get; private set; }

    /// <summary>How many are <see cref="CallState.Sent"/>.</summary>
    public int SentCount { get; private set; }

    /// <summary>How many are <see cref="CallState.Held"/>.</summary>
    public int HeldCount { get; private set; }

    /// <summary>Of all.</summary>
    public long SizeBytes { get; private set; }

    /// <summary>Adds one that is held.</summary>
    public void Append(LaneCall call)
    {
        call.Previous = _last;
        if (_last is null)
        {
            First = call;
        }
        else
        {
            _last.Next = call;
        }

        _last = call;
        SizeBytes += call.SizeBytes;
        HeldCount++;
        FirstHeld ??= call;
    }

    /// <summary>One that was held goes out.</summary>
    public void Send(LaneCall call)
    {
        call.State = CallState.Sent;
        SentCount++;
        HeldCount--;
        PassHeld(call);
    }

    /// <summary>One that was sent is to be sent again.</summary>
    public void Hold(LaneCall call)
    {
        call.State = CallState.Held;
        SentCount--;
        HeldCount++;
    }

    /// <summary>All are held.</summary>
    public void LookFromFirst() => FirstHeld = First;

    /// <summary>Takes one out.</summary>
    public void End(LaneCall call)
    {
        SentCount -= call.State == CallState.Sent ? 1 : 0;
        HeldCount -= call.State == CallState.Held ? 1 : 0;
        call.State = CallState.Ended;
        SizeBytes -= call.SizeBytes;
        PassHeld(call);
        if (call.Previous is null)
        {
            First = call.Next;
        }
        else
        {
            call.Previous.Next = call.Next;
        }

        if (call.Next is null)
        {
            _last = call.Previous;
        }
        else
        {
            call.Next.Previous = call.Previous;
        }
    }

    private void PassHeld(LaneCall call)
    {
        if (call == FirstHeld)
        {
            do
            {
                FirstHeld = FirstHeld.Next;
            }
            while (FirstHeld is { State: not CallState.Held });
        }
    }
}
