using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Protocol;

/// <summary>
/// Milliseconds that an agent sends. Fractions are taken and cut off: <c>time.time() * 1000</c> in Python has some, and an ack must not
/// be refused for it.
/// </summary>
internal sealed class MillisecondsConverter : JsonConverter<long?>
{
    public override long? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType != JsonTokenType.Number ? throw new JsonException("Not a number of milliseconds.")
        : reader.TryGetInt64(out var whole) ? whole
        : reader.TryGetDouble(out var fraction) && Math.Abs(fraction) < long.MaxValue ? (long)fraction
        : throw new JsonException("Not a number of milliseconds.");

    public override void Write(Utf8JsonWriter writer, long? value, JsonSerializerOptions options) => writer.WriteNumberValue(value!.Value);
}
