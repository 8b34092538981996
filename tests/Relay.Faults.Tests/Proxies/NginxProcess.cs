using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Relay.Faults.Tests.Proxies;

/// <summary>A real nginx with <c>deploy/nginx/relay.conf</c>, but for addresses, ports and paths, before two relays.</summary>
internal sealed class NginxProcess : IAsyncDisposable
{
    /// <summary>Ends nginx with its own input, and so with the test's process.</summary>
    private const string Keeper = """exec 3<&0; nginx "$@" </dev/null 3<&- & pid=$!; (read -r end <&3; kill -TERM $pid) & exec 3<&-; wait $pid""";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly string _folder = Directory.CreateTempSubdirectory("relay-nginx-").FullName;
    private readonly string _certificate;
    private readonly Process _process;

    private NginxProcess((int Tls, int Plain) ports, Uri first, Uri second)
    {
        (Url, PlainUrl) = (new Uri($"https://127.0.0.1:{ports.Tls}"), new Uri($"http://127.0.0.1:{ports.Plain}"));
        _certificate = WriteCertificate();
        var relays = File.ReadAllText(Path.Combine(FindRepository(), "deploy", "nginx", "relay.conf"));
        foreach (var (written, here) in (ReadOnlySpan<(string, string)>)
        [
            ("server relay-1:8080 ", $"server {first.Authority} "),
            ("server relay-2:8080 ", $"server {second.Authority} "),
            ("listen 8080;", $"listen 127.0.0.1:{ports.Plain};"),
            ("# listen 443 ", $"listen 127.0.0.1:{ports.Tls} "),
            ("# ssl_", "ssl_"),
            ("/etc/nginx/tls/", _folder + "/"),
            ("/var/log/nginx/", _folder + "/"),
        ])
        {
            Assert.Contains(written, relays, StringComparison.Ordinal);
            relays = relays.Replace(written, here, StringComparison.Ordinal);
        }

        File.WriteAllText(Path.Combine(_folder, "relay.conf"), relays);
        File.WriteAllText(Path.Combine(_folder, "nginx.conf"), $$"""
            daemon off;
            user root;
            worker_processes 1;
            pid {{_folder}}/pid;
            error_log stderr;
            events { }
            http {
                client_body_temp_path {{_folder}}/body;
                proxy_temp_path {{_folder}}/proxy;
                fastcgi_temp_path {{_folder}}/fastcgi;
                uwsgi_temp_path {{_folder}}/uwsgi;
                scgi_temp_path {{_folder}}/scgi;
                include {{_folder}}/relay.conf;
            }
            """);
        _process = Process.Start(new ProcessStartInfo("sh", ["-c", Keeper, "nginx", "-p", _folder, "-c", Path.Combine(_folder, "nginx.conf")]) { RedirectStandardInput = true })!;
    }

    /// <summary>Where it does TLS, with a certificate of its own.</summary>
    public Uri Url { get; }

    /// <summary>Where it does not.</summary>
    public Uri PlainUrl { get; }

    /// <summary>Whether it is nginx's certificate, which no authority knows.</summary>
    public bool IsOwn(X509Certificate? shown) => shown?.GetCertHashString(HashAlgorithmName.SHA256) == _certificate;

    public string AccessLog => File.ReadAllText(Path.Combine(_folder, "access.log"));

    public static async Task<NginxProcess> StartAsync(Uri first, Uri second)
    {
        var nginx = new NginxProcess(FreePorts(), first, second);
        using var client = nginx.CreateClient();
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            try
            {
                using var answer = await client.GetAsync(new Uri("/healthz", UriKind.Relative), patience.Token);
                return nginx;
            }
            catch (HttpRequestException)
            {
                Assert.False(nginx._process.HasExited, "nginx ended at its start.");
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, patience.Token);
            }
        }
    }

    /// <param name="from">The client's own address, one of the loopback's; null: any.</param>
    public HttpClient CreateClient(IPAddress? from = null)
    {
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) => IsOwn(shown);
        handler.ConnectCallback = async (context, cancellationToken) =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                if (from is not null)
                {
                    socket.Bind(new IPEndPoint(from, 0));
                }

                await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        };
        return new HttpClient(new NoAnswer(handler)) { BaseAddress = Url };
    }

    public async ValueTask DisposeAsync()
    {
        // It ends at once, with what it serves.
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static (int Tls, int Plain) FreePorts()
    {
        using var first = new TcpListener(IPAddress.Loopback, 0);
        using var second = new TcpListener(IPAddress.Loopback, 0);
        first.Start();
        second.Start();
        return (((IPEndPoint)first.LocalEndpoint).Port, ((IPEndPoint)second.LocalEndpoint).Port);
    }

    private static string FindRepository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Relay.sln")))
        {
            folder = folder.Parent!;
        }

        return folder.FullName;
    }

    /// <returns>Its SHA-256.</returns>
    private string WriteCertificate()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=relay.test", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        File.WriteAllText(Path.Combine(_folder, "fullchain.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(_folder, "privkey.pem"), key.ExportPkcs8PrivateKeyPem());
        return certificate.GetCertHashString(HashAlgorithmName.SHA256);
    }

    /// <summary>A proxy's word that no relay answered is to a sender as good as none.</summary>
    private sealed class NoAnswer(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            if (response.StatusCode is HttpStatusCode.BadGateway or HttpStatusCode.GatewayTimeout)
            {
                response.Dispose();
                throw new HttpRequestException("No relay answered the proxy.");
            }

            return response;
        }
    }
}
