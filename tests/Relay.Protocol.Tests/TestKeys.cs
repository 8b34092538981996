namespace Relay.Protocol.Tests;

/// <summary>The keys that Vectors/make_vectors.py signs the golden frames with. For tests only.</summary>
internal static class TestKeys
{
    public static readonly ApiKey ApiKey = Key("sk_TEST-ONLY-not-a-real-key-AAAAAAAAAAAAAAAAAA_00000000000000000000000000000000");
    public static readonly ApiKey OtherApiKey = Key("sk_TEST-ONLY-another-unreal-key-BBBBBBBBBBBBBB_11111111111111111111111111111111");
    public static readonly SigningSecret Secret = Signing("whsec_VEVTVCBPTkxZIHNpZ25pbmcgc2VjcmV0IDAwMDAwMDA=");
    public static readonly SigningSecret OldSecret = Signing("whsec_VEVTVCBPTkxZIHNpZ25pbmcgc2VjcmV0LCByZXRpcmVk");
    public static readonly EventId Event = Id("evt_0190a1b2c3d40000feedfacecafebeef");
    public const long TimestampMs = 1767225600123;

    public static ApiKey Key(string text) => ApiKey.TryParse(text, out var key) ? key : throw new FormatException(text);

    public static SigningSecret Signing(string text) => SigningSecret.TryParse(text, out var secret) ? secret : throw new FormatException(text);

    public static EventId Id(string text) => EventId.TryParse(text, out var id) ? id : throw new FormatException(text);
}
