using System.Security.Cryptography;
using System.Text;

namespace Relay.Server.Ingest.Sources;

/// <summary>
/// Meta (Facebook, Instagram, WhatsApp): developers.facebook.com/docs/graph-api/webhooks/getting-started. Webhooks are signed with the
/// app secret; an address is tried with a GET that proves itself with a token the owner made up.
/// </summary>
internal sealed class MetaSource(SourceKeys keys, string verifyToken) : ISource
{
    public const string Name = "meta";

    private static readonly HmacScheme Scheme = new("X-Hub-Signature-256") { Prefix = "sha256=" };

    private readonly byte[] _verifyToken = Encoding.UTF8.GetBytes(verifyToken);

    public string Type => Name;

    public IResult? AnswerUnsigned(in SourceRequest request)
    {
        if (!request.IsGet || request.Query("hub.mode") != "subscribe")
        {
            return null;
        }

        var given = Encoding.UTF8.GetBytes(request.Query("hub.verify_token") ?? "");
        return CryptographicOperations.FixedTimeEquals(_verifyToken, given)
            ? ChallengeResult.Text(request.Query("hub.challenge") ?? "")
            : ChallengeResult.Refuse("hub.verify_token is not the source.verify_token that the agent was registered with.");
    }

    public bool Verify(in SourceRequest request) => Scheme.Verify(request, keys);
}
