using System.Text;
using Relay.Protocol;

namespace Relay.Micro;

/// <summary>What the benchmarks work on: keys that are no secrets, bodies of a size.</summary>
internal static class Samples
{
    public const long TimestampMs = 1_767_225_600_123;

    public static readonly SigningKeys Keys = new(ApiKey.New(), [SigningSecret.New()]);

    public static readonly EventId Event = new(new UInt128(0x0190a1b2c3d40000, 0xfeedfacecafebeef));

    /// <summary>JSON of so many bytes that is its own canonical text.</summary>
    public static byte[] CanonicalJson(int bytes) => Encoding.UTF8.GetBytes($$"""{"text":"{{new string('x', bytes - 11)}}"}""");

    /// <summary>JSON of so many bytes that is written anew: spaces, and letters that are escaped.</summary>
    public static byte[] OtherJson(int bytes) => Encoding.UTF8.GetBytes($$"""{ "text":"{{new string('é', (bytes - 12) / 2)}}"}""");

    /// <summary>A form of so many bytes.</summary>
    public static byte[] NotJson(int bytes) => Encoding.UTF8.GetBytes("text=" + new string('x', bytes - 5));
}
