using System.Text;
using Relay.Fuzz.Tests.Wire;

namespace Relay.Fuzz.Tests.Fuzzing;

/// <summary>A request and what is expected of its answer, beyond what is expected of all.</summary>
internal sealed record HttpCase(byte[] Request)
{
    private static ReadOnlySpan<byte> Mark => "\r\nX-Broken:"u8;

    /// <returns>What is wrong about the answer; null: nothing.</returns>
    public Func<RawAnswer, string?> Verdict { get; init; } = static _ => null;

    /// <summary>Its bytes may be no request, or half of one.</summary>
    public bool IsBroken => Request.AsSpan().IndexOf(Mark) >= 0;

    /// <summary>
    /// Nothing more is sent on its connection, and the server is told so: it answers or hangs up. Else half a request, or one that asks to wait,
    /// would be answered when its time is over, and what follows half a body would be taken for the other half.
    /// </summary>
    public bool IsLast => IsBroken || Request.AsSpan().IndexOf("wait="u8) >= 0;

    public override string ToString() => Encoding.Latin1.GetString(Request);
}
