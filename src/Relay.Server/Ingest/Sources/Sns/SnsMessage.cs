using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Relay.Server.Http;

namespace Relay.Server.Ingest.Sources.Sns;

/// <summary>A body of Amazon SNS: docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html. None of it is to be believed before its signature is checked.</summary>
internal sealed class SnsMessage
{
    private static readonly string[] SignedOfNotification = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];
    private static readonly string[] SignedOfConfirmation = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];

    private readonly Dictionary<string, string> _fields;

    private SnsMessage(Dictionary<string, string> fields) => _fields = fields;

    public bool AsksForConfirmation => Find("Type") == "SubscriptionConfirmation";

    public string? TopicArn => Find("TopicArn");

    public string? MessageId => Find("MessageId");

    public string? SubscribeUrl => Find("SubscribeURL");

    public string? SigningCertUrl => Find("SigningCertURL");

    /// <summary>When it was published; the same in every attempt to deliver it.</summary>
    public DateTimeOffset? Timestamp => DateTimeOffset.TryParseExact(
        Find("Timestamp"), "yyyy-MM-dd'T'HH:mm:ss.FFF'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
        ? time
        : null;

    /// <returns>Null for what is no message. One that says a thing twice is none: its reader might believe the half that was not signed.</returns>
    public static SnsMessage? Read(ReadOnlySpan<byte> body)
    {
        if (!JsonText.IsSound(body) || JsonElement.Parse(body) is not { ValueKind: JsonValueKind.Object } root)
        {
            return null;
        }

        Dictionary<string, string> fields = new(StringComparer.Ordinal);
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (var property in root.EnumerateObject())
        {
            if (!names.Add(property.Name))
            {
                return null;
            }

            if (property.Value.ValueKind == JsonValueKind.String)
            {
                fields[property.Name] = property.Value.GetString()!;
            }
        }

        return new SnsMessage(fields);
    }

    /// <summary>Whether the key made the signature over what is signed of a message of this type.</summary>
    public bool IsSignedBy(RSA key)
    {
        var signed = Find("Type") switch
        {
            "Notification" => SignedOfNotification,
            "SubscriptionConfirmation" or "UnsubscribeConfirmation" => SignedOfConfirmation,
            _ => null,
        };
        HashAlgorithmName? algorithm = Find("SignatureVersion") switch
        {
            "1" => HashAlgorithmName.SHA1,
            "2" => HashAlgorithmName.SHA256,
            _ => null,
        };
        if (signed is null || algorithm is null || Find("Signature") is not { } text)
        {
            return false;
        }

        var signature = new byte[text.Length];
        return Convert.TryFromBase64String(text, signature, out var length)
            && key.VerifyData(Encoding.UTF8.GetBytes(Join(signed)), signature.AsSpan(0, length), algorithm.Value, RSASignaturePadding.Pkcs1);
    }

    private string Join(string[] names)
    {
        var text = new StringBuilder();
        foreach (var name in names)
        {
            // A notification may have no subject.
            if (Find(name) is { } value)
            {
                text.Append(name).Append('\n').Append(value).Append('\n');
            }
        }

        return text.ToString();
    }

    private string? Find(string name) => _fields.GetValueOrDefault(name);
}
