using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Relay.Providers.Tests;

/// <summary>The providers' own libraries, in one Node process. One call at a time.</summary>
public sealed class ProviderLibraries : IDisposable
{
    private readonly Process _node;

    public ProviderLibraries()
    {
        var folder = typeof(ProviderLibraries).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(static data => data.Key == "LibrariesFolder").Value!.Replace('\\', '/');
        if (!Directory.Exists(Path.Combine(folder, "node_modules")))
        {
            throw new InvalidOperationException($"Run scripts/test, or npm ci in {folder}: the providers' libraries are not installed.");
        }

        _node = Process.Start(new ProcessStartInfo("node", ["libraries.js"])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
    }

    /// <summary>The headers with which the provider's library signs this.</summary>
    public async Task<Dictionary<string, string>> SignAsync(string provider, byte[] body, string secret)
    {
        var answer = await CallAsync(new JsonObject { ["call"] = $"{provider}.sign", ["body"] = Convert.ToBase64String(body), ["secret"] = secret });
        Assert.True(answer.TryGetProperty("headers", out var headers), answer.GetRawText());
        return headers.Deserialize<Dictionary<string, string>>()!;
    }

    /// <summary>Whether the provider's library takes this for signed.</summary>
    public async Task<bool> VerifyAsync(string provider, byte[] body, string secret, IReadOnlyDictionary<string, string> headers)
    {
        var answer = await CallAsync(new JsonObject
        {
            ["call"] = $"{provider}.verify",
            ["body"] = Convert.ToBase64String(body),
            ["secret"] = secret,
            ["headers"] = JsonSerializer.SerializeToNode(headers),
        });
        return answer.GetProperty("verified").GetBoolean();
    }

    public async Task<JsonElement> CallAsync(JsonObject request)
    {
        using var patience = new CancellationTokenSource(RelayHost.Patience);
        await _node.StandardInput.WriteLineAsync(request.ToJsonString().AsMemory(), patience.Token);
        await _node.StandardInput.FlushAsync(patience.Token);
        var line = await _node.StandardOutput.ReadLineAsync(patience.Token) ?? throw new InvalidOperationException("Node ended; what it said is above.");
        return JsonElement.Parse(line);
    }

    public void Dispose()
    {
        _node.StandardInput.Close();
        if (!_node.WaitForExit(TimeSpan.FromSeconds(10)))
        {
            _node.Kill();
        }

        _node.Dispose();
    }
}
