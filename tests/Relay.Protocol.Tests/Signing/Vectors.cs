using System.Text.Json;

namespace Relay.Protocol.Tests.Signing;

/// <summary>The vectors that Vectors/make_vectors.py computed without the relay's code, by name.</summary>
internal static class Vectors
{
    public static readonly IReadOnlyDictionary<string, JsonElement> CanonicalJson = Load("canonical-json.json");
    public static readonly IReadOnlyDictionary<string, JsonElement> Signatures = Load("signatures.json");

    public static byte[] Bytes(this JsonElement vector, string name) => vector.GetProperty(name).GetBytesFromBase64();

    public static byte[]? BytesOrNull(this JsonElement vector, string name) =>
        vector.GetProperty(name).ValueKind == JsonValueKind.Null ? null : vector.Bytes(name);

    public static string Text(this JsonElement vector, string name) => vector.GetProperty(name).GetString()!;

    private static Dictionary<string, JsonElement> Load(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Vectors", file)));
        return document.RootElement.GetProperty("vectors").EnumerateArray().ToDictionary(vector => vector.Text("name"), vector => vector.Clone());
    }
}
