using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Relay.Server.Ingest.Sources.Sns;

/// <summary>
/// Whether a certificate is SNS's: good now, for one of its names, and leading to a trusted root. SNS hands out its own certificate alone, so
/// the platform fetches the issuer's from where the certificate says, in a few seconds at most; revocation is not asked for. Any thread.
/// </summary>
/// <param name="roots">Whom to trust; null: whom the machine trusts.</param>
internal sealed partial class SnsTrust(TimeProvider time, ILogger<SnsTrust> logger, X509Certificate2Collection? roots = null)
{
    private static readonly TimeSpan FetchPatience = TimeSpan.FromSeconds(5);

    /// <param name="pem">A certificate, and perhaps those that lead to its root.</param>
    /// <param name="names">One of them must be the certificate's.</param>
    public SnsVerdict Judge(byte[] pem, IReadOnlyList<string> names)
    {
        var all = new X509Certificate2Collection();
        try
        {
            all.ImportFromPem(Encoding.ASCII.GetString(pem));
            return all.Count == 0 ? SnsVerdict.Unknown : Judge(all[0], all, names);
        }
        catch (CryptographicException)
        {
            return SnsVerdict.Unknown;
        }
        finally
        {
            Dispose(all);
        }
    }

    private SnsVerdict Judge(X509Certificate2 certificate, X509Certificate2Collection all, IReadOnlyList<string> names)
    {
        if (!names.Any(name => certificate.MatchesHostname(name, allowWildcards: false, allowCommonName: true)))
        {
            return Refuse($"it is none for {string.Join(", ", names)}");
        }

        if (SnsCertificate.Of(certificate) is not { } found)
        {
            return Refuse("it has no RSA key");
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.UrlRetrievalTimeout = FetchPatience;
        chain.ChainPolicy.VerificationTime = time.GetUtcNow().UtcDateTime;
        chain.ChainPolicy.ExtraStore.AddRange(all);
        if (roots is not null)
        {
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        }

        try
        {
            if (chain.Build(certificate))
            {
                return new SnsVerdict(IsKnown: true, found);
            }

            var faults = chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, static (all, status) => all | status.Status);
            if (faults == X509ChainStatusFlags.PartialChain)
            {
                IssuerNotFound(logger);
                return SnsVerdict.Unknown;
            }

            return Refuse(faults.ToString());
        }
        finally
        {
            foreach (var element in chain.ChainElements)
            {
                element.Certificate.Dispose();
            }
        }
    }

    private SnsVerdict Refuse(string fault)
    {
        Refused(logger, fault);
        return new SnsVerdict(IsKnown: true, Certificate: null);
    }

    private static void Dispose(X509Certificate2Collection certificates)
    {
        foreach (var certificate in certificates)
        {
            certificate.Dispose();
        }
    }

    [LoggerMessage(1133, LogLevel.Warning, "What the host of SNS has as its certificate is not believed, so nothing signed with it is: {Fault}")]
    private static partial void Refused(ILogger logger, string fault);

    [LoggerMessage(1134, LogLevel.Warning, "No way leads from SNS's certificate to an authority this machine trusts: the issuer's certificate could not be fetched, or ca-certificates are missing. What was signed with it is put off")]
    private static partial void IssuerNotFound(ILogger logger);
}

/// <param name="IsKnown">False: nothing can be said now.</param>
/// <param name="Certificate">Null: nothing is to be believed that was signed with it.</param>
internal readonly record struct SnsVerdict(bool IsKnown, SnsCertificate? Certificate)
{
    public static readonly SnsVerdict Unknown = new(IsKnown: false, Certificate: null);
}
