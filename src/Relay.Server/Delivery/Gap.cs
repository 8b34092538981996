namespace Relay.Server.Delivery;

/// <summary>Why events were given up while nobody could be told.</summary>
internal enum GapReason
{
    /// <summary>They waited longer than their retention.</summary>
    Expired,

    /// <summary>Their attempts were exhausted, other than by the agent's own nack.</summary>
    Dead,
}

/// <summary>Events that an agent will not get any more and has not heard of.</summary>
/// <param name="Reason">Why.</param>
/// <param name="Count">How many.</param>
/// <param name="From">When the first of them was accepted.</param>
/// <param name="To">When the last of them was accepted.</param>
internal sealed record Gap(GapReason Reason, long Count, DateTimeOffset From, DateTimeOffset To)
{
    /// <summary>In which gap a given-up event counts; null: in none, the agent knows of it.</summary>
    public static GapReason? Of(SettlementKind kind, AttemptOutcome outcome) => kind switch
    {
        SettlementKind.Expire => GapReason.Expired,
        SettlementKind.DeadLetter when outcome != AttemptOutcome.Nacked => GapReason.Dead,
        _ => null,
    };

    /// <summary>As it is called on the wire and in stores.</summary>
    public static string Name(GapReason reason) => reason == GapReason.Expired ? "expired" : "dead";

    /// <summary>With one more event.</summary>
    public static Gap With(Gap? gap, GapReason reason, DateTimeOffset acceptedAt) => gap is null
        ? new Gap(reason, 1, acceptedAt, acceptedAt)
        : gap with { Count = gap.Count + 1, From = acceptedAt < gap.From ? acceptedAt : gap.From, To = acceptedAt > gap.To ? acceptedAt : gap.To };

    /// <summary>What is left when the agent has been told of <paramref name="told"/>.</summary>
    public Gap? Without(Gap told) => Count <= told.Count ? null : this with { Count = Count - told.Count, From = told.To };
}
