using System.Text;
using Microsoft.AspNetCore.Http;
using Relay.Protocol;
using Relay.Server.Http;
using Relay.Server.Ingest;
using Relay.Server.Ingest.Sources;
using Relay.Server.Tests.Ingest.Sources;

namespace Relay.Server.Tests.Allocations;

/// <summary>What is done with a webhook before it is stored.</summary>
public sealed class IngestAllocationTests
{
    private readonly RelayId _agent = RelayId.TryParse("agt_0123456789abcdef", out var agent) ? agent : throw new FormatException();

    /// <summary>The text.</summary>
    [Fact]
    public void The_head_of_an_event()
    {
        var request = new DefaultHttpContext().Request;
        (request.Method, request.Path) = ("POST", "/api/v1/webhook/" + _agent);
        request.Headers.Host = "relay.example.com";
        request.Headers.Connection = "keep-alive";
        request.Headers.ContentType = "application/json";
        request.Headers.UserAgent = "GitHub-Hookshot/0000000";
        request.Headers["X-GitHub-Event"] = "push";
        request.Headers["X-GitHub-Delivery"] = "00000000-0000-0000-0000-000000000000";

        Allocated.AtMost(336, () => EventHead.Write(request, _agent, verifiedSource: "github"));
    }

    /// <summary>The array that is stored, and where it is longer than 64 KiB what it begins in, which is pooled.</summary>
    [Theory]
    [InlineData(1 << 10, 24)]
    [InlineData(100 << 10, 64)]
    [InlineData(1_000_000, 64)]
    public void The_body_and_no_second_one(int length, int more)
    {
        var request = new DefaultHttpContext().Request;
        var body = new MemoryStream(new byte[length]);
        (request.Body, request.ContentLength) = (body, length);

        Allocated.AtMost(length + more, _ =>
        {
            body.Position = 0;
            var read = BoundedBody.ReadAsync(request, maxBytes: 1 << 20, CancellationToken.None);
            Assert.True(read.IsCompletedSuccessfully);
        }, calls: 10);
    }

    [Theory]
    [InlineData("github", 280)]
    [InlineData("stripe", 632)]
    [InlineData("slack", 472)]
    [InlineData("standard", 128)]
    public void Checking_what_a_provider_signed_costs_the_same_however_big(string name, long bytes)
    {
        var example = name switch { "github" => Examples.GitHub, "stripe" => Examples.Stripe, "slack" => Examples.Slack, _ => Examples.Standard };
        var source = example.Make([example.Secret]);
        var headers = new HeaderDictionary();
        foreach (var (header, value) in example.Headers)
        {
            headers[header] = value;
        }

        var now = DateTimeOffset.FromUnixTimeSeconds(example.SignedAt ?? 0);
        var signed = Encoding.UTF8.GetBytes(example.Body);
        var tampered = new byte[16 << 10];

        Allocated.AtMost(bytes, () => Assert.True(source.Verify(new SourceRequest(headers, example.Url, signed, now))));
        Allocated.AtMost(bytes, () => Assert.False(source.Verify(new SourceRequest(headers, example.Url, tampered, now))));
    }
}
