using System.Text;

namespace Relay.Server.Events.Replays;

/// <summary>The head of a replay: that of the event it repeats, and last in it <c>"replay_of":"evt_…"</c>, which goes into the frame with the rest.</summary>
internal static class ReplayHead
{
    private static readonly int MemberLength = Member(default).Length;

    public static byte[] Of(EventId replayed, ReadOnlySpan<byte> head)
    {
        var members = head[..^1];
        if (IsReplay(head))
        {
            members = head[..^(MemberLength + 1)];
        }

        var member = Member(replayed);
        return members.Length == 1 ? [.. members, .. member[1..], (byte)'}'] : [.. members, .. member, (byte)'}'];
    }

    /// <summary>Whether the head ends as this class ends it. What a sender put into its headers ends before the brace that closes them.</summary>
    private static bool IsReplay(ReadOnlySpan<byte> head) =>
        head.Length > MemberLength && head[^(MemberLength + 1)..].StartsWith(",\"replay_of\":\"evt_"u8) && head.EndsWith("\"}"u8);

    private static byte[] Member(EventId replayed) => Encoding.UTF8.GetBytes($",\"replay_of\":\"{replayed}\"");
}
