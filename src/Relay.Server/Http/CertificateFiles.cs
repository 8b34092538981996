using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Options;

namespace Relay.Server.Http;

/// <summary>
/// The certificate that new connections get. Its files are looked at every few seconds rather than watched: what they are links to, as in
/// Kubernetes, may change too. Connections that are open stay as they are. Any thread.
/// </summary>
internal sealed partial class CertificateFiles : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly TlsOptions _options;
    private readonly ILogger _logger;
    private readonly ITimer? _timer;
    private byte[] _read = [];
    private SslStreamCertificateContext? _current;

    public CertificateFiles(IOptions<TlsOptions> options, TimeProvider time, ILogger<CertificateFiles> logger)
    {
        (_options, _logger) = (options.Value, logger);
        if (_options.CertificatePath is not null)
        {
            Look();
            _timer = time.CreateTimer(_ => Look(), state: null, Interval, Interval);
        }
    }

    /// <summary>Null: none is configured.</summary>
    public SslStreamCertificateContext? Current => Volatile.Read(ref _current);

    /// <returns>The certificate with its chain, and what it was read from; null, and the fault, if they cannot be.</returns>
    public static (SslStreamCertificateContext Context, byte[] Content)? TryRead(TlsOptions options, out string? fault)
    {
        try
        {
            var certificate = File.ReadAllText(options.CertificatePath!);
            var key = options.KeyPath is { } path ? File.ReadAllText(path) : certificate;
            var chain = new X509Certificate2Collection();
            chain.ImportFromPem(certificate);
            var own = X509Certificate2.CreateFromPem(certificate, key);
            fault = null;

            // Offline: what is not in the file is not fetched from elsewhere.
            return (SslStreamCertificateContext.Create(own, chain, offline: true), SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(certificate + key)));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException or NotSupportedException)
        {
            fault = $"{TlsOptions.Section}:CertificatePath and KeyPath cannot be used: {exception.Message}";
            return null;
        }
    }

    public void Dispose() => _timer?.Dispose();

    private void Look()
    {
        if (TryRead(_options, out var fault) is not { } read)
        {
            // Perhaps one of the two files is written and the other is not yet.
            Unreadable(_logger, fault!);
            return;
        }

        if (!_read.AsSpan().SequenceEqual(read.Content))
        {
            _read = read.Content;
            Volatile.Write(ref _current, read.Context);
            Using(_logger, read.Context.TargetCertificate.Subject, read.Context.TargetCertificate.NotAfter.ToUniversalTime());
        }
    }

    [LoggerMessage(1011, LogLevel.Information, "TLS uses the certificate of {Subject}, good until {NotAfter:u}")]
    private static partial void Using(ILogger logger, string subject, DateTime notAfter);

    [LoggerMessage(1012, LogLevel.Warning, "The certificate before stays in use. {Fault}")]
    private static partial void Unreadable(ILogger logger, string fault);
}
