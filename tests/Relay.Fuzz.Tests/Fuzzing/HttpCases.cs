using System.Text;
using System.Text.Json;
using Relay.Fuzz.Tests.Wire;
using Relay.Protocol;

namespace Relay.Fuzz.Tests.Fuzzing;

/// <summary>One worker's attack; a case at a time.</summary>
internal interface IAttack : IDisposable
{
    /// <exception cref="FuzzFault">The server did what it must not.</exception>
    Task RunAsync(Random random);
}

/// <summary>What the server did, and what made it do that.</summary>
internal sealed class FuzzFault(string what, byte[] sent) : Exception($"{what}\n{Encoding.Latin1.GetString(sent)}\nbase64: {Convert.ToBase64String(sent)}");

/// <summary>Sends one request a case and judges the answer.</summary>
internal sealed class HttpAttack(FuzzWorld world, Func<FuzzWorld, Random, byte[]> make) : IAttack
{
    private static readonly TimeSpan Cut = TimeSpan.FromMilliseconds(150);
    private readonly RawHttp _http = new(world.Relay.Url);

    public async Task RunAsync(Random random)
    {
        var request = make(world, random);
        var answer = await _http.SendAsync(request, MayWait(request) ? Cut : RelayHost.Patience);
        if (answer is not null)
        {
            Judge(request, answer);
        }
        else if (await _http.SendAsync("GET /healthz HTTP/1.1\r\nHost: relay.test\r\n\r\n"u8.ToArray(), RelayHost.Patience) is not { Status: 200 })
        {
            throw new FuzzFault("The server answers nobody any more.", request);
        }
    }

    public void Dispose() => _http.Dispose();

    /// <summary>Some requests are answered later or never, and are cut; so are those whose framing was broken.</summary>
    private static bool MayWait(byte[] request)
    {
        var text = Encoding.Latin1.GetString(request);
        return text.Contains("wait", StringComparison.OrdinalIgnoreCase) || text.Contains("feed", StringComparison.OrdinalIgnoreCase) || IsBroken(request);
    }

    private static bool IsBroken(byte[] request) => request.AsSpan().IndexOf("\r\nX-Broken:"u8) >= 0;

    private void Judge(byte[] request, RawAnswer answer)
    {
        // 505 is the framework's own for a request line whose version was broken.
        if (answer.Status is not (101 or >= 200 and < 300 or >= 400 and < 500 or 503 or 505) || (answer.Status == 505 && !IsBroken(request)))
        {
            throw new FuzzFault($"The answer was {answer.Head}\n{Encoding.UTF8.GetString(answer.Body)}", request);
        }

        var text = Encoding.UTF8.GetString(answer.Body);
        if (text.Contains(FuzzWorld.Secret, StringComparison.Ordinal) || text.Contains(RelayHost.AdminKey, StringComparison.Ordinal))
        {
            throw new FuzzFault($"The answer told a secret: {text}", request);
        }

        // The framework itself answers what is not HTTP, with nothing.
        if (answer.Status >= 400 && answer.Body.Length > 0 && !IsError(answer))
        {
            throw new FuzzFault($"The error {answer.Status} has another shape: {text}", request);
        }

        if (answer.Status == 201 && JsonSerializer.Deserialize(answer.Body, ApiJson.Default.RegisterResponse) is { } registered)
        {
            world.Remember(registered);
        }
    }

    private static bool IsError(RawAnswer answer)
    {
        try
        {
            var error = JsonElement.Parse(answer.Body);
            return error.GetProperty("error").GetString() is { Length: > 0 } code
                && error.GetProperty("message").GetString() is { Length: > 0 }
                && error.GetProperty("details").ValueKind == JsonValueKind.Object
                && error.GetProperty("request_id").GetString() is { Length: > 0 }
                && (answer.Status != 503 || code == ErrorCodes.QueueFull);
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return false;
        }
    }
}
