using System.Buffers;
using System.Text;

namespace Relay.Protocol.Tests.Signing;

public class CanonicalJsonVectorTests
{
    public static TheoryData<string> Names => [.. Vectors.CanonicalJson.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Canonical_text_is_the_vectors(string name)
    {
        var vector = Vectors.CanonicalJson[name];
        var body = vector.Bytes("body");
        var expected = vector.BytesOrNull("canonical_text");
        var output = new ArrayBufferWriter<byte>();

        var isJson = CanonicalJson.TryWrite(body, output);

        Assert.Equal(expected is not null, isJson);
        Assert.Equal(expected is not null, CanonicalJson.IsJson(body));
        Assert.Equal(Encoding.UTF8.GetString(expected ?? []), Encoding.UTF8.GetString(output.WrittenSpan));
        Assert.Equal(expected ?? [], output.WrittenSpan.ToArray());
    }

    [Fact]
    public void Nothing_is_written_for_what_turns_out_not_to_be_json_at_its_end()
    {
        var output = new ArrayBufferWriter<byte>();

        Assert.False(CanonicalJson.TryWrite("{\"a\":[1,2,3],\"b\":\"long enough to have been written\"}]"u8, output));

        Assert.Equal(0, output.WrittenCount);
    }

    [Fact]
    public void A_body_of_a_mebibyte_of_escapes_grows_the_writer_as_needed()
    {
        var body = Encoding.UTF8.GetBytes('"' + new string('é', 512 * 1024) + '"');
        using var output = new PooledBufferWriter(16);

        Assert.True(CanonicalJson.TryWrite(body, output));

        Assert.Equal(2 + (6 * 512 * 1024), output.WrittenSpan.Length);
        Assert.True(output.WrittenSpan.StartsWith("\"\\u00e9\\u00e9"u8));
    }
}
