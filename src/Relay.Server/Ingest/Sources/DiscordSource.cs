using System.Text;
using System.Text.Json.Nodes;

namespace Relay.Server.Ingest.Sources;

/// <summary>
/// Discord's interactions: docs.discord.com/developers/interactions/overview, "Setting up an endpoint". It signs time and body with
/// Ed25519, and refuses an address that takes a wrong signature or does not answer its PING.
/// </summary>
internal sealed class DiscordSource(IReadOnlyList<Ed25519Key> keys) : ISource
{
    public const string Name = "discord";

    public string Type => Name;

    public bool Verify(in SourceRequest request)
    {
        if (request.Header("X-Signature-Timestamp") is not { } timestamp
            || !SignedTimestamp.IsFresh(timestamp, request.Now)
            || request.Header("X-Signature-Ed25519") is not { } text
            || !SignatureEncoding.Hex.TryDecode(text, out var signature))
        {
            return false;
        }

        var signedTime = Encoding.ASCII.GetBytes(timestamp);
        foreach (var key in keys)
        {
            if (key.Verify(signature, signedTime, request.Body))
            {
                return true;
            }
        }

        return false;
    }

    public ValueTask<IResult?> AnswerAsync(in SourceRequest request, CancellationToken cancellationToken) =>
        JsonField.FindRaw(request.Body, "type"u8).SequenceEqual("1"u8) ? new(ChallengeResult.Json(new JsonObject { ["type"] = 1 })) : default;
}
