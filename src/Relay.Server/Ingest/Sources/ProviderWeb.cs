using System.Net;

namespace Relay.Server.Ingest.Sources;

/// <summary>
/// Fetches what a provider has for its receivers. The caller has pinned the address to the provider; this bounds the rest: no redirects,
/// 5 seconds, 64 KiB. Any thread.
/// </summary>
internal sealed partial class ProviderWeb(HttpMessageHandler handler, ILogger<ProviderWeb> logger) : IDisposable
{
    private readonly HttpClient _http = new(handler) { Timeout = TimeSpan.FromSeconds(5), MaxResponseContentBufferSize = 64 << 10 };

    public static HttpMessageHandler CreateHandler() => new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        MaxConnectionsPerServer = 8,
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
    };

    /// <returns>What a GET answered with 200; null for any other answer, or none.</returns>
    public async Task<byte[]?> FetchAsync(Uri url, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await _http.GetAsync(url, cancellationToken);
            if (response.StatusCode == HttpStatusCode.OK)
            {
                return await response.Content.ReadAsByteArrayAsync(cancellationToken);
            }

            Failed(logger, url.Host, $"it answered {(int)response.StatusCode}");
        }
        catch (HttpRequestException exception)
        {
            Failed(logger, url.Host, exception.HttpRequestError.ToString());
        }
        catch (TaskCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            Failed(logger, url.Host, "no answer in 5 seconds");
        }

        return null;
    }

    public void Dispose() => _http.Dispose();

    /// <summary>Without the path and query, which may hold a token.</summary>
    [LoggerMessage(1132, LogLevel.Warning, "Fetching from {Host}, to check a webhook, failed: {Fault}")]
    private static partial void Failed(ILogger logger, string host, string fault);
}
