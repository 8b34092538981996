using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using BenchmarkDotNet.Attributes;
using Microsoft.AspNetCore.Http;
using Relay.Server.Ingest.Sources;

namespace Relay.Micro;

/// <summary>Checks of providers' signatures, right ones.</summary>
public class SourceBenchmarks
{
    private const string Secret = "no-secret-for-benchmarks";
    private const string Url = "https://relay.example.com/api/v1/webhook/agt_0123456789abcdef";

    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeMilliseconds(Samples.TimestampMs);
    private static readonly string Seconds = Now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);

    private readonly GitHubSource _gitHub = new(new SourceKeys(Secret));
    private readonly StripeSource _stripe = new(new SourceKeys(Secret));
    private readonly SlackSource _slack = new(new SourceKeys(Secret));
    private readonly HeaderDictionary _headers = [];
    private byte[] _body = [];

    [Params(1024, 100 * 1024)]
    public int BodyBytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _body = Samples.CanonicalJson(BodyBytes);
        _headers["X-Hub-Signature-256"] = "sha256=" + Sign("");
        _headers["Stripe-Signature"] = $"t={Seconds},v1={Sign(Seconds + ".")}";
        _headers["X-Slack-Request-Timestamp"] = Seconds;
        _headers["X-Slack-Signature"] = "v0=" + Sign($"v0:{Seconds}:");
        if (!(GitHub() && Stripe() && Slack()))
        {
            throw new InvalidOperationException("A signature that is right was refused.");
        }
    }

    [Benchmark]
    public bool GitHub() => _gitHub.Verify(Request());

    [Benchmark]
    public bool Stripe() => _stripe.Verify(Request());

    [Benchmark]
    public bool Slack() => _slack.Verify(Request());

    private SourceRequest Request() => new(_headers, Url, _body, Now);

    private string Sign(string before) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), (byte[])[.. Encoding.UTF8.GetBytes(before), .. _body]));
}
