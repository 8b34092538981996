using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Relay.Server.Http;

namespace Relay.Server.Tests.Http;

/// <summary>TLS without a proxy, on a real socket.</summary>
public sealed class TlsTests : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("relay-tls-").FullName;
    private readonly FakeTimeProvider _clock = new();
    private readonly LogCollector _logs = new();

    private string CertificatePath => Path.Combine(_folder, "tls.crt");

    private string KeyPath => Path.Combine(_folder, "tls.key");

    [Fact]
    public async Task Another_certificate_is_used_without_a_restart_and_open_connections_stay()
    {
        var first = Write("first.example");
        await using var server = await StartAsync();
        await using var open = await ConnectAsync(server);
        Assert.Equal(first, open.RemoteCertificate!.GetCertHashString(HashAlgorithmName.SHA256));

        var second = Write("second.example");
        _clock.Advance(TimeSpan.FromSeconds(11));

        await using var later = await ConnectAsync(server);
        Assert.Equal(second, later.RemoteCertificate!.GetCertHashString(HashAlgorithmName.SHA256));
        await AssertServesAsync(later);
        await AssertServesAsync(open);
        _logs.AssertQuiet();
    }

    [Fact]
    public async Task Files_that_do_not_fit_change_nothing_until_they_do()
    {
        var first = Write("first.example");
        await using var server = await StartAsync();
        var old = await File.ReadAllTextAsync(KeyPath);
        var second = Write("second.example");
        var key = await File.ReadAllTextAsync(KeyPath);

        await File.WriteAllTextAsync(KeyPath, old);
        _clock.Advance(TimeSpan.FromSeconds(11));
        await using (var between = await ConnectAsync(server))
        {
            Assert.Equal(first, between.RemoteCertificate!.GetCertHashString(HashAlgorithmName.SHA256));
        }

        _logs.Expect(1012);
        await File.WriteAllTextAsync(KeyPath, key);
        _clock.Advance(TimeSpan.FromSeconds(11));
        await using var later = await ConnectAsync(server);
        Assert.Equal(second, later.RemoteCertificate!.GetCertHashString(HashAlgorithmName.SHA256));
        Assert.DoesNotContain(_logs.Texts, static text => text.Contains("PRIVATE", StringComparison.Ordinal));
    }

    [Fact]
    public void What_cannot_be_read_stops_the_start_with_a_sentence()
    {
        var options = new TlsOptions { CertificatePath = Path.Combine(_folder, "nowhere.crt") };

        Assert.Contains("Relay:Tls:CertificatePath", new TlsOptionsValidator().Validate(null, options).FailureMessage);
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    private async Task<WebApplication> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["Relay:Tls:CertificatePath"] = CertificatePath, ["Relay:Tls:KeyPath"] = KeyPath });
        builder.WebHost.UseKestrelHttpsConfiguration().UseUrls("https://127.0.0.1:0");
        builder.Logging.ClearProviders().AddProvider(_logs);
        builder.Services.AddSingleton<TimeProvider>(_clock);
        builder.Services.AddHttp();
        var server = builder.Build();
        server.UseAnswerHeaders();
        server.Run(static context => context.Response.WriteAsync("ok"));
        await server.StartAsync();
        return server;
    }

    /// <returns>The SHA-256 of the certificate.</returns>
    private string Write(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
        File.WriteAllText(CertificatePath, certificate.ExportCertificatePem());
        File.WriteAllText(KeyPath, key.ExportPkcs8PrivateKeyPem());
        return certificate.GetCertHashString(HashAlgorithmName.SHA256);
    }

    private static async Task<SslStream> ConnectAsync(WebApplication server)
    {
        using var patience = new CancellationTokenSource(RelayHost.Patience);
        var url = new Uri(server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, url.Port, patience.Token);
        var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
#pragma warning disable CA5359 // Which one it is, is what the test looks at.
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions { TargetHost = "relay.example.com", RemoteCertificateValidationCallback = static (_, _, _, _) => true }, patience.Token);
#pragma warning restore CA5359
        return tls;
    }

    private static async Task AssertServesAsync(SslStream tls)
    {
        using var patience = new CancellationTokenSource(RelayHost.Patience);
        await tls.WriteAsync("GET / HTTP/1.1\r\nHost: relay.example.com\r\nConnection: close\r\n\r\n"u8.ToArray(), patience.Token);
        using var reader = new StreamReader(tls, leaveOpen: true);
        var answer = await reader.ReadToEndAsync(patience.Token);
        Assert.StartsWith("HTTP/1.1 200 OK", answer);
        Assert.Contains("Strict-Transport-Security: max-age=31536000", answer);
    }
}
