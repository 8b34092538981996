using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Xunit.Abstractions;

namespace Relay.Faults.Tests;

/// <summary>A Redis that wants a password and speaks TLS only, with a certificate of an authority of the operator's own.</summary>
public sealed class RedisAccessTests(ITestOutputHelper output) : IDisposable
{
    private const string Password = "a-secret-of-redis";
    private readonly string _folder = Directory.CreateTempSubdirectory("relay-tls-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Tls_and_a_password_work()
    {
        await using var redis = await StartAsync();
        await using var server = await ServerProcess.StartAsync(
            $"localhost:{redis.TlsPort},ssl=true,password={Password}", [.. ServerProcess.FastRetries, ("SSL_CERT_FILE", Path.Combine(_folder, "authority.pem"))]);
        var agent = await server.RegisterAsync();
        var tally = new Tally();
        await using var receiver = new Receiver(server.Url, agent, tally);
        await using (new Senders(server.Http, agent, tally))
        {
            await tally.WhenAcceptedAsync(100);
        }

        await tally.AssertNothingLostAsync(output, "redis with TLS and a password");
    }

    [Theory]
    [InlineData("localhost:{0},ssl=true,password=not-the-secret", true, "Redis refused the password in Relay:Storage:Redis.")]
    [InlineData("localhost:{0},ssl=true", true, "Redis wants a password: add password=… to Relay:Storage:Redis.")]
    [InlineData("localhost:{0},ssl=true,password=a-secret-of-redis", false, "The TLS connection to Redis failed")]
    public async Task What_is_wrong_is_said_and_the_password_is_not(string connection, bool isTrusted, string said)
    {
        await using var redis = await StartAsync();
        var trust = isTrusted ? new[] { ("SSL_CERT_FILE", Path.Combine(_folder, "authority.pem")) } : [];
        await using var server = ServerProcess.Launch(connection.Replace("{0}", $"{redis.TlsPort}", StringComparison.Ordinal), trust);
        await server.WhenAliveAsync();

        Assert.Equal(HttpStatusCode.ServiceUnavailable, await server.ReadyAsync());
        await Tally.WhenAsync(() => server.Said.Contains(said, StringComparison.Ordinal));
        Assert.DoesNotContain("secret", server.Said, StringComparison.Ordinal);
    }

    private async Task<RedisServer> StartAsync()
    {
        WriteCertificates();
        var server = RedisServer.NotStarted();
        await server.RestartAsync(
            "--requirepass", Password, "--tls-port", $"{server.TlsPort}", "--tls-auth-clients", "no", "--tls-cert-file", Path.Combine(_folder, "server.pem"),
            "--tls-key-file", Path.Combine(_folder, "server.key"), "--tls-ca-cert-file", Path.Combine(_folder, "authority.pem"));
        return server;
    }

    private void WriteCertificates()
    {
        var now = TimeProvider.System.GetUtcNow();
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authorityRequest = new CertificateRequest("CN=An authority of our own", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        using var authority = authorityRequest.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(authority, now.AddDays(-1), now.AddDays(1), [1]);

        File.WriteAllText(Path.Combine(_folder, "authority.pem"), authority.ExportCertificatePem());
        File.WriteAllText(Path.Combine(_folder, "server.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(_folder, "server.key"), key.ExportPkcs8PrivateKeyPem());
    }
}
