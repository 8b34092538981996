using System.Security.Cryptography;
using System.Text;
using Relay.Fuzz.Tests.Wire;

namespace Relay.Fuzz.Tests.Fuzzing;

/// <summary>
/// Upgrade requests with lines left out, doubled, damaged, enlarged and broken. What is right is upgraded, and nothing is agreed to beside; a
/// wrong key is 401 and no upgrade. See <see cref="RawHttp"/>: what is upgraded must still close as RFC 6455 has it.
/// </summary>
internal static class Handshakes
{
    private const string Key = "dGhlIHNhbXBsZSBub25jZQ==";

    private static readonly string[] Extensions =
        ["permessage-deflate", "permessage-deflate; client_max_window_bits=99", "permessage-deflate;;", "x, y; z=\"", "=", ",,,,", "permessage-deflate, permessage-deflate", "permessage-deflate; server_max_window_bits=0"];

    private static readonly (string Name, string[] Values)[] Lines =
    [
        ("Upgrade", ["WebSocket", "websocket, h2c", "h2c", "websocket/13", "web socket", "", "websocket;x", "TLS/1.0"]),
        ("Connection", ["upgrade", "keep-alive, Upgrade", "Upgrade, close", "close", "keep-alive", "", "Upgrade,Upgrade", "Sec-WebSocket-Key, Upgrade"]),
        ("Sec-WebSocket-Version", ["12", "8", "0", "-1", "13, 8", "013", "13.0", "", "99999999999999999999"]),
        ("Sec-WebSocket-Key", ["", "x", "dGhl", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ==AA==", "!!!!!!!!!!!!!!!!!!!!!!==", "dGhlIHNhbXBsZSBub25jZQ== "]),
    ];

    public static HttpCase Make(FuzzWorld world, Random random)
    {
        var hostile = new Hostile(random);
        List<(string Name, string Value)> lines = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", Key)];
        var isRight = hostile.Chance(40);
        if (!isRight)
        {
            Damage(lines, hostile, random);
        }

        if (hostile.Chance(20))
        {
            lines.Add(("Sec-WebSocket-Extensions", hostile.Chance(50) ? hostile.Any(Extensions) : hostile.HeaderValue()));
        }

        if (hostile.Chance(20))
        {
            lines.Add(("Sec-WebSocket-Protocol", hostile.Chance(50) ? hostile.Any(["mqtt", "a, b", "a,,b", "\"x\"", "relay.v1"]) : hostile.HeaderValue()));
        }

        var bearer = Authorize(world, lines, hostile, random);
        var target = hostile.Any(["/", "/api/v1/connect", "/api/v1/connect?" + hostile.Segment().Replace(' ', '+'), "/api/v1/connect/", "/API/V1/CONNECT"]);
        var method = isRight || hostile.Chance(80) ? "GET" : hostile.Any(["POST", "HEAD", "CONNECT", "get", "PUT", "OPTIONS"]);
        if (hostile.Chance(50))
        {
            random.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(lines));
        }

        // No Authorization among the lines that are added, whose value would be anything.
        var request = RequestText.Write(random, hostile, method, target, bearer is null ? [.. lines, ("X-Nobody", "1")] : lines, !isRight && hostile.Chance(5) ? [1, 2, 3] : [], withCredentials: false);
        return new HttpCase(hostile.Chance(8) ? RequestText.Break(hostile, request) : request)
        {
            Verdict = answer => Judge(answer, isRight, bearer),
        };
    }

    private static void Damage(List<(string Name, string Value)> lines, Hostile hostile, Random random)
    {
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            var at = random.Next(lines.Count);
            var (name, value) = lines[at];
            switch (random.Next(6))
            {
                case 0:
                    lines.RemoveAt(at);
                    break;
                case 1:
                    lines.Add((name, hostile.Chance(50) ? value : hostile.HeaderValue()));
                    break;
                case 2:
                    lines[at] = (name, hostile.Damage(value));
                    break;
                case 3:
                    lines[at] = (hostile.Chance(50) ? name.ToUpperInvariant() : name + "-", value);
                    break;
                case 4:
                    lines.Add((hostile.Any(["X-Large", "Cookie", name]), new string('x', random.Next(40_000))));
                    break;
                default:
                    lines[at] = (name, hostile.Any(Lines.First(line => name.StartsWith(line.Name, StringComparison.OrdinalIgnoreCase) || line.Name == "Upgrade").Values));
                    break;
            }

            if (lines.Count == 0)
            {
                return;
            }
        }
    }

    /// <returns>Whether the key is right; null: none is given.</returns>
    private static bool? Authorize(FuzzWorld world, List<(string Name, string Value)> lines, Hostile hostile, Random random)
    {
        var right = $"Bearer {world.Connecting.ApiKey}";
        switch (random.Next(6))
        {
            case 0:
                lines.Add(("Authorization", right));
                return true;
            case 1:
                lines.Add(("Authorization", hostile.Any(["Bearer", "Bearer ", "bearer x", "Basic eDp5", "Bearer sk_x", "Bearer " + new string('a', 5000), right[..^1], right + "0", "Bearer \u00e9", right.Replace("sk_", "SK_", StringComparison.Ordinal), "Bearer null", $"Bearer {RelayHost.AdminKey}"])));
                return false;
            case 2:
                lines.Add(("Authorization", right));
                lines.Add(("Authorization", "Bearer x"));
                return false;
            default:
                return null;
        }
    }

    private static string? Judge(RawAnswer answer, bool isRight, bool? bearer)
    {
        if (answer.Status != 101)
        {
            return isRight && bearer != false ? "A right upgrade was refused."
                : isRight && answer.Status != 401 ? "A wrong key was not 401."
                : null;
        }

        return bearer == false ? "A wrong key was upgraded."
            : answer.Head.Contains("Sec-WebSocket-Extensions", StringComparison.OrdinalIgnoreCase) || answer.Head.Contains("Sec-WebSocket-Protocol", StringComparison.OrdinalIgnoreCase) ? "It agreed to what it has not."
            : isRight && !answer.Head.Contains($"Sec-WebSocket-Accept: {Accept()}", StringComparison.OrdinalIgnoreCase) ? "Another key was accepted."
            : !answer.Body.AsSpan().EndsWith(RawHttp.ClosedNormally) ? "It was not closed with 1000."
            : null;
    }

    /// <summary>RFC 6455 §4.2.2.</summary>
#pragma warning disable CA5350 // The RFC's hash, for no secret.
    private static string Accept() => Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(Key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
}
