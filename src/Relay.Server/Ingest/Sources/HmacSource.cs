using System.Buffers;
using System.Security.Cryptography;
using Relay.Protocol;

namespace Relay.Server.Ingest.Sources;

/// <summary>Any provider that signs with an HMAC in one header, as its agent's registration describes it.</summary>
internal sealed class HmacSource(HmacScheme scheme, SourceKeys keys) : ISource
{
    public const string Name = "hmac";

    private const int MaxHeaderNameLength = 100;
    private const int MaxPrefixLength = 64;
    private const int MaxTemplateLength = 256;

    /// <summary>RFC 9110 §5.6.2.</summary>
    private static readonly SearchValues<char> HeaderNameCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    public string Type => Name;

    public bool Verify(in SourceRequest request) => scheme.Verify(request, keys);

    /// <returns>The scheme; or what is wrong, and null.</returns>
    public static (HmacScheme? Scheme, string? Fault) Describe(SourceSettings settings)
    {
        if (!IsHeaderName(settings.Header))
        {
            return Refuse("source.header is the name of the header that has the signature, as in X-Signature.");
        }

        if (settings.TimestampHeader is not null && !IsHeaderName(settings.TimestampHeader))
        {
            return Refuse("source.timestamp_header is the name of the header that has the signed time, as in X-Timestamp.");
        }

        if (ReadAlgorithm(settings.Algorithm) is not { } algorithm)
        {
            return Refuse("source.algorithm is sha256, sha1 or sha512.");
        }

        if (ReadEncoding(settings.Encoding) is not { } encoding)
        {
            return Refuse("source.encoding is hex or base64.");
        }

        var prefix = settings.Prefix ?? "";
        if (prefix.Length > MaxPrefixLength || prefix.AsSpan().ContainsAnyExceptInRange(' ', '~'))
        {
            return Refuse($"source.prefix takes at most {MaxPrefixLength} printable ASCII characters.");
        }

        if (ReadTemplate(settings) is not { } template)
        {
            return Refuse($"source.template has {{body}} once, {{timestamp}} just when source.timestamp_header is given, nothing else in braces, and at most {MaxTemplateLength} characters.");
        }

        return (new HmacScheme(settings.Header!)
        {
            Algorithm = algorithm,
            Encoding = encoding,
            Prefix = prefix,
            TimestampHeader = settings.TimestampHeader,
            Template = template,
        }, null);
    }

    private static (HmacScheme? Scheme, string? Fault) Refuse(string fault) => (null, fault);

    private static bool IsHeaderName(string? name) => name is { Length: > 0 and <= MaxHeaderNameLength } && !name.AsSpan().ContainsAnyExcept(HeaderNameCharacters);

    private static HashAlgorithmName? ReadAlgorithm(string? name) => name switch
    {
        null or "sha256" => HashAlgorithmName.SHA256,
        "sha1" => HashAlgorithmName.SHA1,
        "sha512" => HashAlgorithmName.SHA512,
        _ => null,
    };

    private static SignatureEncoding? ReadEncoding(string? name) => name switch
    {
        null or "hex" => SignatureEncoding.Hex,
        "base64" => SignatureEncoding.Base64,
        _ => null,
    };

    /// <summary>A time that is not under the signature would prove nothing, so header and placeholder go together.</summary>
    private static SignedTemplate? ReadTemplate(SourceSettings settings)
    {
        var hasTimestamp = settings.TimestampHeader is not null;
        var template = settings.Template switch
        {
            null => hasTimestamp ? SignedTemplate.TimestampDotBody : SignedTemplate.BodyAlone,
            { Length: <= MaxTemplateLength } text => SignedTemplate.Parse(text),
            _ => null,
        };
        return template?.HasTimestamp == hasTimestamp ? template : null;
    }
}
