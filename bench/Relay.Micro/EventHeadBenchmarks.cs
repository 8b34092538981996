using BenchmarkDotNet.Attributes;
using Microsoft.AspNetCore.Http;
using Relay.Protocol;
using Relay.Server.Ingest;

namespace Relay.Micro;

/// <summary>What is kept of a request beside its body.</summary>
public class EventHeadBenchmarks
{
    private readonly RelayId _agent = RelayId.New();
    private readonly HttpRequest _request = new DefaultHttpContext().Request;

    [GlobalSetup]
    public void Setup()
    {
        _request.Method = "POST";
        _request.Path = "/api/v1/webhook/" + _agent;
        foreach (var (name, value) in new Dictionary<string, string>
        {
            ["Accept"] = "*/*",
            ["Connection"] = "keep-alive",
            ["Content-Length"] = "1024",
            ["Content-Type"] = "application/json",
            ["Host"] = "relay.example.com",
            ["User-Agent"] = "GitHub-Hookshot/0000000",
            ["X-GitHub-Delivery"] = "00000000-0000-0000-0000-000000000000",
            ["X-GitHub-Event"] = "push",
            ["X-Hub-Signature-256"] = "sha256=0000000000000000000000000000000000000000000000000000000000000000",
        })
        {
            _request.Headers[name] = value;
        }
    }

    [Benchmark]
    public byte[] Write() => EventHead.Write(_request, _agent, verifiedSource: "github");
}
