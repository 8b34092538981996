using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Relay.Protocol.Tests.Signing;

public class CanonicalJsonPropertyTests
{
    private const int Documents = 20_000;

    [Fact]
    public void Canonical_text_is_one_for_all_spellings_idempotent_ascii_and_the_same_value()
    {
        for (var seed = 0; seed < Documents; seed++)
        {
            var (one, other) = new RandomJson(seed).Next();

            var text = Canonical(one, seed);

            Assert.True(text.AsSpan().SequenceEqual(Canonical(other, seed)), $"Seed {seed}: {Encoding.UTF8.GetString(one)} and {Encoding.UTF8.GetString(other)}");
            Assert.True(text.AsSpan().SequenceEqual(Canonical(text, seed)), $"Seed {seed}: not idempotent: {Encoding.UTF8.GetString(text)}");
            Assert.False(text.AsSpan().ContainsAnyExceptInRange((byte)' ', (byte)'~'), $"Seed {seed}: not ASCII: {Encoding.UTF8.GetString(text)}");
            Assert.True(SameValue(one, text), $"Seed {seed}: another value: {Encoding.UTF8.GetString(text)}");
        }
    }

    private static byte[] Canonical(byte[] json, int seed)
    {
        var output = new ArrayBufferWriter<byte>();
        Assert.True(CanonicalJson.TryWrite(json, output), $"Seed {seed}: not JSON: {Encoding.UTF8.GetString(json)}");
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Token by token, so that number texts, key order and duplicate keys count, and halves of surrogate pairs do not throw.</summary>
    private static bool SameValue(byte[] one, byte[] other)
    {
        var first = new Utf8JsonReader(one);
        var second = new Utf8JsonReader(other);
        while (first.Read())
        {
            if (!second.Read() || first.TokenType != second.TokenType || !SameText(ref first, ref second))
            {
                return false;
            }
        }

        return !second.Read();
    }

    private static bool SameText(ref Utf8JsonReader first, ref Utf8JsonReader second) => first.TokenType switch
    {
        JsonTokenType.String or JsonTokenType.PropertyName => Unescaped(ref first) is var text && text == Unescaped(ref second),
        _ => first.ValueSpan.SequenceEqual(second.ValueSpan),
    };

    private static string Unescaped(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return "(half a surrogate pair)";
        }
    }
}
