using Microsoft.Extensions.Caching.Memory;

namespace Relay.Server.Ingest.Sources.Sns;

/// <summary>
/// The certificates that SNS signs with, fetched once and kept for a day. What makes one SNS's is where it comes from: over TLS, from the
/// host that <see cref="SnsTopic"/> allows. Any thread.
/// </summary>
internal sealed class SnsCertificates(ProviderWeb web) : IDisposable
{
    private const int MaxKept = 64;
    private const int MaxFetches = 4;
    private static readonly TimeSpan KeptFor = TimeSpan.FromDays(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly MemoryCache _kept = new(new MemoryCacheOptions { SizeLimit = MaxKept });

    /// <summary>Unsigned messages name addresses at will: they share few fetches at a time.</summary>
    private readonly SemaphoreSlim _fetches = new(MaxFetches);

    public SnsCertificate? Find(Uri url) => _kept.Get<SnsCertificate>(url);

    /// <returns>False when it is neither here nor to be had now.</returns>
    public ValueTask<bool> LoadAsync(Uri url, CancellationToken cancellationToken) => Find(url) is not null ? new(true) : new(FetchAsync(url, cancellationToken));

    public void Dispose()
    {
        _kept.Dispose();
        _fetches.Dispose();
    }

    private async Task<bool> FetchAsync(Uri url, CancellationToken cancellationToken)
    {
        if (!await _fetches.WaitAsync(Patience, cancellationToken))
        {
            return false;
        }

        try
        {
            if (Find(url) is null && await web.FetchAsync(url, cancellationToken) is { } pem && SnsCertificate.Read(pem) is { } certificate)
            {
                _kept.Set(url, certificate, new MemoryCacheEntryOptions { Size = 1, AbsoluteExpirationRelativeToNow = KeptFor });
            }

            return Find(url) is not null;
        }
        finally
        {
            _fetches.Release();
        }
    }
}
