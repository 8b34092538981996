using Microsoft.Extensions.Caching.Memory;

namespace Relay.Server.Ingest.Sources.Sns;

/// <summary>
/// The certificates that SNS signs with, fetched once from the host that <see cref="SnsTopic"/> allows, judged by <see cref="SnsTrust"/> and kept
/// for a day; one that is not believed for a minute. Any thread.
/// </summary>
internal sealed class SnsCertificates(ProviderWeb web, SnsTrust trust) : IDisposable
{
    private const int MaxKept = 64;
    private const int MaxFetches = 4;
    private static readonly TimeSpan KeptFor = TimeSpan.FromDays(1);
    private static readonly TimeSpan RefusedFor = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly MemoryCache _judged = new(new MemoryCacheOptions { SizeLimit = MaxKept });

    /// <summary>Unsigned messages name addresses at will: they share few fetches at a time.</summary>
    private readonly SemaphoreSlim _fetches = new(MaxFetches);

    /// <returns>Null for one that is not there or not believed.</returns>
    public SnsCertificate? Find(Uri url) => _judged.Get<SnsVerdict>(url).Certificate;

    /// <param name="url">Where it is.</param>
    /// <param name="names">One of them must be the certificate's.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>False when nothing can be said of it now.</returns>
    public ValueTask<bool> LoadAsync(Uri url, IReadOnlyList<string> names, CancellationToken cancellationToken) =>
        IsJudged(url) ? new(true) : new(FetchAsync(url, names, cancellationToken));

    public void Dispose()
    {
        _judged.Dispose();
        _fetches.Dispose();
    }

    private bool IsJudged(Uri url) => _judged.Get<SnsVerdict>(url).IsKnown;

    private async Task<bool> FetchAsync(Uri url, IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        if (!await _fetches.WaitAsync(Patience, cancellationToken))
        {
            return false;
        }

        try
        {
            if (!IsJudged(url) && await web.FetchAsync(url, cancellationToken) is { } pem && trust.Judge(pem, names) is { IsKnown: true } verdict)
            {
                _judged.Set(url, verdict, new MemoryCacheEntryOptions { Size = 1, AbsoluteExpirationRelativeToNow = verdict.Certificate is null ? RefusedFor : KeptFor });
            }

            return IsJudged(url);
        }
        finally
        {
            _fetches.Release();
        }
    }
}
