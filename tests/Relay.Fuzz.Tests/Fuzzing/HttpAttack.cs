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
internal sealed class HttpAttack(FuzzWorld world, Func<FuzzWorld, Random, HttpCase> make) : IAttack
{
    private readonly RawHttp _http = new(world.Relay.Url);

    public async Task RunAsync(Random random)
    {
        var one = make(world, random);
        var answer = await _http.SendAsync(one.Request, isLast: one.IsLast);
        if (answer is not null)
        {
            Judge(one, answer);
        }
        else if (!one.IsLast)
        {
            throw new FuzzFault("The server hung up without an answer, or gave none.", one.Request);
        }
    }

    public void Dispose() => _http.Dispose();

    private void Judge(HttpCase one, RawAnswer answer)
    {
        // The page of the API leads from its folder, also where that is written as /swagger/v1/%2e%2e, to its file, and nowhere else.
        if (answer.Status == 301 && answer.Head.Contains("\r\nLocation: index.html\r\n", StringComparison.Ordinal))
        {
            return;
        }

        // 505 is the framework's own for a request line whose version was broken.
        if (answer.Status is not (101 or >= 200 and < 300 or >= 400 and < 500 or 503 or 505) || (answer.Status == 505 && !one.IsBroken))
        {
            throw new FuzzFault($"The answer was {answer.Head}\n{Encoding.UTF8.GetString(answer.Body)}", one.Request);
        }

        if (answer.Body.AsSpan().IndexOf("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"u8) >= 0 || answer.Body.AsSpan().IndexOf(Encoding.UTF8.GetBytes(RelayHost.AdminKey)) >= 0)
        {
            throw new FuzzFault($"The answer told a secret: {Encoding.UTF8.GetString(answer.Body)}", one.Request);
        }

        // The framework itself answers what is not HTTP, with nothing.
        if (answer.Status >= 400 && answer.Body.Length > 0 && !IsError(answer))
        {
            throw new FuzzFault($"The error {answer.Status} has another shape: {Encoding.UTF8.GetString(answer.Body)}", one.Request);
        }

        if (!one.IsBroken && !(one.IsLast && answer.Status == 101) && one.Verdict(answer) is { } fault)
        {
            throw new FuzzFault($"{fault}\n{answer.Head}\n{Encoding.UTF8.GetString(answer.Body)}", one.Request);
        }

        world.Learn(answer);
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
                && (answer.Status != 503 || code is ErrorCodes.QueueFull or ErrorCodes.ProviderUnavailable);
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return false;
        }
    }
}
