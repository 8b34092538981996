using System.Security.Cryptography;
using Relay.Protocol;

namespace Relay.Fuzz.Tests.Fuzzing.Providers;

/// <summary>Those that put one HMAC-SHA256 into one header.</summary>
/// <param name="type">The source type.</param>
/// <param name="header">Where the signature is.</param>
/// <param name="prefix">What stands before it there.</param>
internal sealed class HmacProvider(string type, string header, string prefix = "") : Provider(type)
{
    public bool Base64 { get; init; }

    /// <summary>The header of the time; null: none is signed.</summary>
    public string? Time { get; init; }

    /// <summary>What is signed before the body, <c>{0}</c> being the time.</summary>
    public string Before { get; init; } = "";

    public SourceSettings? Registered { get; init; }

    public override bool SignsTime => Time is not null;

    public override SourceSettings Settings => (Registered ?? new SourceSettings()) with { Type = Type, Secret = Secret };

    public static new IReadOnlyList<HmacProvider> All { get; } =
    [
        new("github", "X-Hub-Signature-256", "sha256="),
        new("meta", "X-Hub-Signature-256", "sha256=") { Registered = new SourceSettings { VerifyToken = Challenges.VerifyToken } },
        new("slack", "X-Slack-Signature", "v0=") { Time = "X-Slack-Request-Timestamp", Before = "v0:{0}:" },
        new("zoom", "x-zm-signature", "v0=") { Time = "x-zm-request-timestamp", Before = "v0:{0}:" },
        new("shopify", "X-Shopify-Hmac-Sha256") { Base64 = true },
        new("twitter", "X-Twitter-Webhooks-Signature", "sha256=") { Base64 = true },
        new("dropbox", "X-Dropbox-Signature"),
        new("powerlobster", "X-PowerLobster-Signature", "sha256=") { Time = "X-PowerLobster-Timestamp", Before = "{0}." },
        new("hmac", "X-Sig", "v1=") { Time = "X-Time", Before = "{0}.", Registered = new SourceSettings { Header = "X-Sig", TimestampHeader = "X-Time", Prefix = "v1=" } },
    ];

    /// <summary>X's webhooks are objects, and nothing else passes: its challenge signs other text with the same secret.</summary>
    public override byte[] Body(Hostile hostile, Random random) => Type == "twitter" ? [(byte)'{', .. base.Body(hostile, random)] : base.Body(hostile, random);

    public override Signed Sign(byte[] body, Signing signing)
    {
        var mac = signing.Hmac(HashAlgorithmName.SHA256, Join(Before.Replace("{0}", signing.Seconds, StringComparison.Ordinal), body));
        var signature = (header, prefix + (Base64 ? Convert.ToBase64String(mac) : Convert.ToHexStringLower(mac)));
        return new Signed(Time is null ? [signature] : [signature, (Time, signing.ShownSeconds)], body);
    }
}
