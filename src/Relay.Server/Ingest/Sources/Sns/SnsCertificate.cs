using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Relay.Server.Ingest.Sources.Sns;

/// <summary>A signing certificate's key and when it is good.</summary>
internal sealed record SnsCertificate(byte[] PublicKey, DateTimeOffset NotBefore, DateTimeOffset NotAfter)
{
    /// <returns>Null for one that has no RSA key.</returns>
    public static SnsCertificate? Of(X509Certificate2 certificate)
    {
        using var key = certificate.GetRSAPublicKey();
        return key is null ? null : new SnsCertificate(key.ExportSubjectPublicKeyInfo(), certificate.NotBefore, certificate.NotAfter);
    }

    /// <returns>The caller's to dispose: keys are not for several threads at a time.</returns>
    public RSA OpenKey()
    {
        var key = RSA.Create();
        key.ImportSubjectPublicKeyInfo(PublicKey, out _);
        return key;
    }
}
