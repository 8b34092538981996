using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Relay.Server.Ingest.Sources;

/// <summary>
/// X, formerly Twitter: docs.x.com/x-api/webhooks/introduction. The answer to a GET's <c>crc_token</c> is its HMAC, made with the secret
/// that signs webhooks: a token that could be a webhook's body would get anybody a signature for it, so it is not answered.
/// </summary>
internal sealed class TwitterSource(SourceKeys keys) : ISource
{
    public const string Name = "twitter";

    private const string Prefix = "sha256=";
    private const int MaxTokenLength = 128;

    private static readonly SearchValues<char> TokenCharacters = SearchValues.Create("+-/=_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    private static readonly HmacScheme Scheme = new("X-Twitter-Webhooks-Signature") { Prefix = Prefix, Encoding = SignatureEncoding.Base64 };

    public string Type => Name;

    public IResult? AnswerUnsigned(in SourceRequest request)
    {
        if (!request.IsGet || request.Query("crc_token") is not { } token)
        {
            return null;
        }

        // While the secret is being rotated the last one given is the new one.
        return token.Length is > 0 and <= MaxTokenLength && !token.AsSpan().ContainsAnyExcept(TokenCharacters)
            ? ChallengeResult.Json(new JsonObject { ["response_token"] = Prefix + Convert.ToBase64String(keys.SignWithLast(HashAlgorithmName.SHA256, token)) })
            : ChallengeResult.Refuse($"crc_token has 1 to {MaxTokenLength} characters of base64.");
    }

    /// <summary>A token's text is no webhook, whoever signed it.</summary>
    public bool Verify(in SourceRequest request) => request.Body is [(byte)'{', ..] && Scheme.Verify(request, keys);
}
