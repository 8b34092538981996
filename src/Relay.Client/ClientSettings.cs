using Microsoft.Extensions.Logging;
using Relay.Protocol;

namespace Relay.Client;

/// <summary>Options that were found good, and what was read out of them.</summary>
internal sealed class ClientSettings
{
    private const int MaxWindow = 1024;
    private static readonly TimeSpan MaxDuration = TimeSpan.FromDays(1);

    private ClientSettings(RelayClientOptions options, Uri endpoint, ApiKey apiKey, SigningSecret? signingSecret)
    {
        Options = options;
        Endpoint = endpoint;
        ApiKey = apiKey;
        SigningSecret = signingSecret;
    }

    public RelayClientOptions Options { get; }

    public Uri Endpoint { get; }

    public ApiKey ApiKey { get; }

    public SigningSecret? SigningSecret { get; }

    /// <summary>How many deliveries may wait here for the consumer: as many as the server may hand out.</summary>
    public int Window => Options.MaxInFlight ?? MaxWindow;

    public TimeProvider Time => Options.TimeProvider;

    /// <summary>Warns when the api key goes over a network where it can be read.</summary>
    public void WarnIfReadable(ILogger log)
    {
        if (Endpoint is { Scheme: "ws", IsLoopback: false })
        {
            log.NotEncrypted(Endpoint.Host);
        }
    }

    /// <exception cref="ArgumentException">All that is wrong, each fault with its property and its fix, and no secret.</exception>
    public static ClientSettings From(RelayClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var copy = options.Copy();
        var faults = new List<string>();

        var endpoint = ReadUrl(copy.Url, faults);
        if (!ApiKey.TryParse(copy.ApiKey, out var apiKey))
        {
            faults.Add(string.IsNullOrEmpty(copy.ApiKey)
                ? "ApiKey is missing: set it to the api_key that the registration answered."
                : "ApiKey is not an api key: it begins with 'sk_'; look for missing characters, quotes or spaces.");
        }

        if (!string.IsNullOrEmpty(copy.RelayId) && !RelayId.TryParse(copy.RelayId, out _))
        {
            faults.Add("RelayId is not a relay id: it is 'agt_' and hex digits; leave it out to let the key decide.");
        }

        SigningSecret? signingSecret = null;
        if (!string.IsNullOrEmpty(copy.SigningSecret) && !SigningSecret.TryParse(copy.SigningSecret, out signingSecret))
        {
            faults.Add("SigningSecret is not a signing secret: it is 'whsec_' and base64; leave it out to check the api key's signature only.");
        }

        CheckNumbers(copy, faults);
        CheckDurations(copy, faults);
        return faults.Count == 0
            ? new ClientSettings(copy, endpoint!, apiKey!, signingSecret)
            : throw new ArgumentException("The relay client cannot start. " + string.Join(" ", faults));
    }

    private static Uri? ReadUrl(string? text, List<string> faults)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            faults.Add("Url is missing: set it to the relay server, for instance https://relay.example.com.");
            return null;
        }

        var hasScheme = text.Contains("://", StringComparison.Ordinal);
        if (!Uri.TryCreate(hasScheme ? text : "wss://" + text, UriKind.Absolute, out var url) || url.Host.Length == 0
            || url.Scheme is not ("http" or "https" or "ws" or "wss"))
        {
            faults.Add("Url is not a server's address: use http, https, ws or wss, for instance https://relay.example.com.");
            return null;
        }

        if (url.UserInfo.Length > 0 || url.Fragment.Length > 0)
        {
            faults.Add("Url has credentials or a fragment: leave them out, the key goes into ApiKey.");
            return null;
        }

        var clear = hasScheme ? url.Scheme is "http" or "ws" : url.IsLoopback;
        return new UriBuilder(url)
        {
            Scheme = clear ? "ws" : "wss",
            Port = url.IsDefaultPort ? -1 : url.Port,
            Path = url.AbsolutePath == "/" ? "/api/v1/connect" : url.AbsolutePath,
        }.Uri;
    }

    private static void CheckNumbers(RelayClientOptions options, List<string> faults)
    {
        if (options.MaxInFlight is < 1 or > MaxWindow)
        {
            faults.Add("MaxInFlight is out of range: use 1 to 1024, or leave it out for the server's default.");
        }

        if (options.Concurrency is < 1 or > MaxWindow)
        {
            faults.Add("Concurrency is out of range: use 1 to 1024.");
        }
        else if (options.MaxInFlight < options.Concurrency)
        {
            faults.Add("MaxInFlight is below Concurrency, so that handlers would never have work: raise it or lower Concurrency.");
        }

        if (options.MaxReconnectAttempts < 0)
        {
            faults.Add("MaxReconnectAttempts is negative: use 0 for no attempt, or leave it out to try for ever.");
        }

        if (options.MaxFrameBytes is < 1024)
        {
            faults.Add("MaxFrameBytes is below 1024 bytes: an event would not fit.");
        }

        if (options.TimeProvider is null)
        {
            faults.Add("TimeProvider is null: leave it out for the system's clock.");
        }
    }

    private static void CheckDurations(RelayClientOptions options, List<string> faults)
    {
        Check(nameof(options.AckTimeout), options.AckTimeout, TimeSpan.FromMilliseconds(100));
        Check(nameof(options.HeartbeatInterval), options.HeartbeatInterval, TimeSpan.FromMilliseconds(100));
        Check(nameof(options.ConnectTimeout), options.ConnectTimeout, TimeSpan.FromMilliseconds(100));
        Check(nameof(options.ReconnectBaseDelay), options.ReconnectBaseDelay, TimeSpan.FromMilliseconds(1));
        Check(nameof(options.MaxReconnectDelay), options.MaxReconnectDelay, TimeSpan.FromMilliseconds(1));
        Check(nameof(options.DrainTimeout), options.DrainTimeout, TimeSpan.Zero);

        void Check(string name, TimeSpan value, TimeSpan least)
        {
            if (value < least || value > MaxDuration)
            {
                faults.Add($"{name} is out of range: use {least.TotalMilliseconds:0} ms to {MaxDuration.TotalHours:0} h.");
            }
        }
    }
}
