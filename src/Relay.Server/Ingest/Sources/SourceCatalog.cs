using Relay.Protocol;
using Relay.Server.Ingest.Sources.Sns;

namespace Relay.Server.Ingest.Sources;

/// <summary>The sources there are. No fault that is answered repeats what was given: it may be a secret in the wrong place.</summary>
internal sealed class SourceCatalog(SnsCertificates snsCertificates, ProviderWeb web)
{
    private const int MaxSecrets = 2;
    private const int MinSecretLength = 8;
    private const int MaxSecretLength = 512;

    public static IReadOnlyList<string> Types { get; } =
    [
        GitHubSource.Name, StripeSource.Name, SlackSource.Name, ShopifySource.Name, StandardSource.Name, PowerLobsterSource.Name, TwilioSource.Name,
        MetaSource.Name, DropboxSource.Name, TwitterSource.Name, ZoomSource.Name, DiscordSource.Name, SnsSource.Name, GraphSource.Name, HmacSource.Name,
    ];

    /// <returns>The source; or what is wrong, and null.</returns>
    public (ISource? Source, string? Fault) Create(SourceSettings settings)
    {
        if (settings.Type is null || !Types.Contains(settings.Type, StringComparer.Ordinal))
        {
            return Refuse($"source.type is one of {string.Join(", ", Types)}.");
        }

        if (FindStrayFault(settings) is { } stray)
        {
            return Refuse(stray);
        }

        if (settings.Type == SnsSource.Name)
        {
            return CreateSns(settings);
        }

        if (FindSecretFault(settings) is { } fault)
        {
            return Refuse(fault);
        }

        var secrets = Secrets(settings);
        var keys = new SourceKeys(secrets);
        return settings.Type switch
        {
            GitHubSource.Name => (new GitHubSource(keys), null),
            StripeSource.Name => (new StripeSource(keys), null),
            SlackSource.Name => (new SlackSource(keys), null),
            ShopifySource.Name => (new ShopifySource(keys), null),
            PowerLobsterSource.Name => (new PowerLobsterSource(keys), null),
            TwilioSource.Name => (new TwilioSource(keys), null),
            DropboxSource.Name => (new DropboxSource(keys), null),
            TwitterSource.Name => (new TwitterSource(keys), null),
            ZoomSource.Name => (new ZoomSource([.. secrets.Select(static secret => new SourceKeys(secret))]), null),
            GraphSource.Name => (new GraphSource(keys), null),
            MetaSource.Name => CreateMeta(settings, keys),
            DiscordSource.Name => CreateDiscord(secrets),
            StandardSource.Name => CreateStandard(secrets),
            _ => CreateHmac(settings, keys),
        };
    }

    private (ISource? Source, string? Fault) CreateSns(SourceSettings settings) =>
        settings is not { Secret: null, Secrets: null } ? Refuse("sns has no secret: it signs with certificates. Give source.topic_arn alone.")
        : SnsTopic.TryParse(settings.TopicArn, out var topic) ? (new SnsSource(topic, snsCertificates, web), null)
        : Refuse("source.topic_arn is the topic's ARN, as in arn:aws:sns:eu-west-1:123456789012:orders.");

    private static (ISource? Source, string? Fault) CreateMeta(SourceSettings settings, SourceKeys keys) => IsSecret(settings.VerifyToken)
        ? (new MetaSource(keys, settings.VerifyToken!), null)
        : Refuse($"source.verify_token is what Meta is given beside the address: {MinSecretLength} to {MaxSecretLength} characters and no space around it.");

    private static (ISource? Source, string? Fault) CreateDiscord(IReadOnlyList<string> secrets)
    {
        var keys = secrets
            .Select(static text => SignatureEncoding.Hex.TryDecode(text, out var bytes) && Ed25519Key.TryRead(bytes, out var key) ? key : null)
            .OfType<Ed25519Key>()
            .ToArray();
        return keys.Length == secrets.Count
            ? (new DiscordSource(keys), null)
            : Refuse("The secret of discord is the application's public key, 64 hexadecimal digits.");
    }

    /// <summary>What is given and would not be looked at.</summary>
    private static string? FindStrayFault(SourceSettings settings) =>
        settings.Type != HmacSource.Name && settings is not { Header: null, Algorithm: null, Encoding: null, Prefix: null, TimestampHeader: null, Template: null }
            ? "source.header, algorithm, encoding, prefix, timestamp_header and template are for the type hmac alone."
        : settings.Type != MetaSource.Name && settings.VerifyToken is not null ? "source.verify_token is for the type meta alone."
        : settings.Type != SnsSource.Name && settings.TopicArn is not null ? "source.topic_arn is for the type sns alone."
        : null;

    private static (ISource? Source, string? Fault) CreateStandard(IReadOnlyList<string> secrets)
    {
        var parsed = secrets.Select(static text => SigningSecret.TryParse(text, out var secret) ? secret : null).OfType<SigningSecret>().ToArray();
        return parsed.Length == secrets.Count
            ? (new StandardSource(parsed), null)
            : Refuse("A secret of Standard Webhooks is whsec_ and base64 of 16 to 64 bytes.");
    }

    private static (ISource? Source, string? Fault) CreateHmac(SourceSettings settings, SourceKeys keys)
    {
        var (scheme, fault) = HmacSource.Describe(settings);
        return scheme is null ? Refuse(fault!) : (new HmacSource(scheme, keys), null);
    }

    private static string? FindSecretFault(SourceSettings settings)
    {
        if ((settings.Secret is null) == (settings.Secrets is null))
        {
            return "A source has either source.secret, or source.secrets with two while one is being rotated.";
        }

        var secrets = Secrets(settings);
        if (secrets.Count is 0 or > MaxSecrets)
        {
            return $"source.secrets takes one or {MaxSecrets}.";
        }

        return secrets.All(IsSecret)
            ? null
            : $"A source's secret has {MinSecretLength} to {MaxSecretLength} characters and no space around it.";
    }

    private static bool IsSecret(string? text) => text is { Length: >= MinSecretLength and <= MaxSecretLength } && text.Trim().Length == text.Length;

    private static IReadOnlyList<string> Secrets(SourceSettings settings) => settings.Secrets ?? [settings.Secret!];

    private static (ISource? Source, string? Fault) Refuse(string fault) => (null, fault);
}
