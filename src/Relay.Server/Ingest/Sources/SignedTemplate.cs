using System.Text;

namespace Relay.Server.Ingest.Sources;

/// <summary>What a provider signs: fixed text, <c>{timestamp}</c> and <c>{body}</c>, as in <c>v0:{timestamp}:{body}</c>.</summary>
internal sealed class SignedTemplate
{
    private const string Body = "{body}";
    private const string Timestamp = "{timestamp}";
    private readonly string _before;
    private readonly string _after;

    private SignedTemplate(string before, string after) => (_before, _after) = (before, after);

    public static SignedTemplate BodyAlone { get; } = new("", "");

    /// <summary>The form that most providers chose.</summary>
    public static SignedTemplate TimestampDotBody { get; } = new(Timestamp + ".", "");

    /// <summary>Whether the time is signed too.</summary>
    public bool HasTimestamp => _before.Contains(Timestamp, StringComparison.Ordinal) || _after.Contains(Timestamp, StringComparison.Ordinal);

    /// <returns>Null unless <c>{body}</c> is there once, and nothing else in braces but <c>{timestamp}</c>.</returns>
    public static SignedTemplate? Parse(string text)
    {
        if (text.Split(Body) is not [var before, var after])
        {
            return null;
        }

        var rest = (before + after).Replace(Timestamp, "", StringComparison.Ordinal);
        return rest.AsSpan().ContainsAny('{', '}') ? null : new SignedTemplate(before, after);
    }

    /// <summary>The bytes that were signed before and after the body.</summary>
    public (byte[] Before, byte[] After) Fill(string timestamp) => (Fill(_before, timestamp), Fill(_after, timestamp));

    private static byte[] Fill(string text, string timestamp) =>
        text.Length == 0 ? [] : Encoding.UTF8.GetBytes(text.Replace(Timestamp, timestamp, StringComparison.Ordinal));
}
