using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Relay.Protocol;

/// <summary>An agent's public name: <c>agt_</c> and 16 to 64 lower-case hex digits. It is part of the webhook URL and cannot be guessed.</summary>
public readonly record struct RelayId
{
    private const string Prefix = "agt_";
    private readonly string? _value;

    private RelayId(string value) => _value = value;

    /// <summary>The id as it stands in URLs and messages; empty for <see langword="default"/>.</summary>
    public string Value => _value ?? "";

    /// <summary>Makes an id from 128 random bits.</summary>
    public static RelayId New() => new(Prefix + RandomNumberGenerator.GetHexString(32, lowercase: true));

    /// <summary>Reads an id; false for anything that cannot be one.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out RelayId id)
    {
        id = default;
        if (text is null || text.Length is < 20 or > 68 || !text.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return false;
        }

        if (text.AsSpan(Prefix.Length).ContainsAnyExcept(Hex.Lower))
        {
            return false;
        }

        id = new RelayId(text);
        return true;
    }

    /// <inheritdoc cref="Value"/>
    public override string ToString() => Value;
}
