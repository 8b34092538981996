using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Relay.Server.Ingest.Sources.Sns;

/// <summary>A signing certificate's key and when it is good.</summary>
internal sealed record SnsCertificate(byte[] PublicKey, DateTimeOffset NotBefore, DateTimeOffset NotAfter)
{
    /// <returns>Null for what is no certificate of an RSA key.</returns>
    public static SnsCertificate? Read(byte[] pem)
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(Encoding.ASCII.GetString(pem));
            using var key = certificate.GetRSAPublicKey();
            return key is null ? null : new SnsCertificate(key.ExportSubjectPublicKeyInfo(), certificate.NotBefore, certificate.NotAfter);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <returns>The caller's to dispose: keys are not for several threads at a time.</returns>
    public RSA OpenKey()
    {
        var key = RSA.Create();
        key.ImportSubjectPublicKeyInfo(PublicKey, out _);
        return key;
    }
}
