using System.Text.Json.Serialization;

namespace Relay.Protocol;

/// <summary>
/// Who sends an agent's webhooks and how they are checked. Unlike elsewhere an unknown field is refused: a misspelt one would leave
/// something unchecked that its owner believes is checked.
/// </summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record SourceSettings
{
    /// <summary>
    /// <c>github</c>, <c>stripe</c>, <c>slack</c>, <c>shopify</c>, <c>standard</c>, <c>powerlobster</c>, <c>twilio</c>, <c>meta</c>, <c>dropbox</c>,
    /// <c>twitter</c>, <c>zoom</c>, <c>discord</c>, <c>sns</c>, <c>graph</c> or <c>hmac</c>.
    /// </summary>
    public string? Type { get; init; }

    /// <summary>
    /// What the provider signs with, in the form in which it shows it; for <c>discord</c> the application's public key, for <c>graph</c> the
    /// subscription's <c>clientState</c>, for <c>sns</c> none.
    /// </summary>
    public string? Secret { get; init; }

    /// <summary>Instead of <see cref="Secret"/> while it is being rotated: the old one and the new one.</summary>
    public IReadOnlyList<string>? Secrets { get; init; }

    /// <summary>For <c>meta</c>: the verify token that it is given beside the address.</summary>
    public string? VerifyToken { get; init; }

    /// <summary>For <c>sns</c>: the topic whose messages are taken, as in <c>arn:aws:sns:eu-west-1:123456789012:orders</c>.</summary>
    public string? TopicArn { get; init; }

    /// <summary>For <c>hmac</c>: the header that has the signature.</summary>
    public string? Header { get; init; }

    /// <summary>For <c>hmac</c>: <c>sha256</c>, <c>sha1</c> or <c>sha512</c>.</summary>
    /// <value><c>sha256</c>.</value>
    public string? Algorithm { get; init; }

    /// <summary>For <c>hmac</c>: <c>hex</c> or <c>base64</c>.</summary>
    /// <value><c>hex</c>.</value>
    public string? Encoding { get; init; }

    /// <summary>For <c>hmac</c>: what stands before the signature in its header, as in <c>sha256=</c>.</summary>
    /// <value>Nothing.</value>
    public string? Prefix { get; init; }

    /// <summary>For <c>hmac</c>: the header that has the signed time, in Unix seconds or milliseconds.</summary>
    /// <value>None: the provider signs no time.</value>
    public string? TimestampHeader { get; init; }

    /// <summary>For <c>hmac</c>: what is signed, made of <c>{body}</c> and <c>{timestamp}</c>.</summary>
    /// <value><c>{timestamp}.{body}</c> with a timestamp header, <c>{body}</c> without.</value>
    public string? Template { get; init; }

    /// <summary>Without the secrets.</summary>
    public override string ToString() => $"source {{ type = {Type} }}";
}
