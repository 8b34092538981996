using Relay.Protocol;

namespace Relay.Server.Ingest.Sources;

/// <summary>The sources there are. No fault that is answered repeats what was given: it may be a secret in the wrong place.</summary>
internal static class SourceCatalog
{
    private const int MaxSecrets = 2;
    private const int MinSecretLength = 8;
    private const int MaxSecretLength = 512;

    public static IReadOnlyList<string> Types { get; } =
    [
        GitHubSource.Name, StripeSource.Name, SlackSource.Name, ShopifySource.Name, StandardSource.Name, PowerLobsterSource.Name, TwilioSource.Name, HmacSource.Name,
    ];

    /// <returns>The source; or what is wrong, and null.</returns>
    public static (ISource? Source, string? Fault) Create(SourceSettings settings)
    {
        if (settings.Type is null || !Types.Contains(settings.Type, StringComparer.Ordinal))
        {
            return Refuse($"source.type is one of {string.Join(", ", Types)}.");
        }

        if (FindSecretFault(settings) is { } fault)
        {
            return Refuse(fault);
        }

        if (settings.Type != HmacSource.Name && settings is not { Header: null, Algorithm: null, Encoding: null, Prefix: null, TimestampHeader: null, Template: null })
        {
            return Refuse("source.header, algorithm, encoding, prefix, timestamp_header and template are for the type hmac alone.");
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
            StandardSource.Name => CreateStandard(secrets),
            _ => CreateHmac(settings, keys),
        };
    }

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

        return secrets.All(static secret => secret is { Length: >= MinSecretLength and <= MaxSecretLength } && secret.Trim().Length == secret.Length)
            ? null
            : $"A source's secret has {MinSecretLength} to {MaxSecretLength} characters and no space around it.";
    }

    private static IReadOnlyList<string> Secrets(SourceSettings settings) => settings.Secrets ?? [settings.Secret!];

    private static (ISource? Source, string? Fault) Refuse(string fault) => (null, fault);
}
