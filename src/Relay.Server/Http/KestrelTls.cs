using System.Security.Authentication;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;

namespace Relay.Server.Http;

/// <summary>Gives https addresses the certificate of <see cref="CertificateFiles"/>, if one is configured.</summary>
internal sealed class KestrelTls(IOptions<TlsOptions> tls, CertificateFiles files) : IConfigureOptions<KestrelServerOptions>
{
    public void Configure(KestrelServerOptions options) => options.ConfigureHttpsDefaults(https =>
    {
        https.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
        if (tls.Value.CertificatePath is null)
        {
            return;
        }

        // Kestrel wants to know that there will be one; the context has its chain too.
        https.ServerCertificateSelector = (_, _) => files.Current!.TargetCertificate;
        https.OnAuthenticate = (_, connection) =>
        {
            connection.ServerCertificateSelectionCallback = null;
            connection.ServerCertificateContext = files.Current;
        };
    });
}
