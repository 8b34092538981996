using System.Text;

namespace Relay.Protocol.Tests.Allocations;

/// <summary>Signing, canonical text and ids keep off the garbage collector.</summary>
public sealed class SigningAllocationTests
{
    [Theory]
    [InlineData(1 << 10)]
    [InlineData(16 << 10)]
    public void Signatures_allocate_nothing(int size)
    {
        var (body, id, signature) = (new byte[size], new byte[EventId.TextLength], new byte[RelaySignature.Length]);
        TestKeys.Event.Format(id);

        Allocated.AtMost(0, () =>
        {
            RelaySignature.Write(TestKeys.ApiKey, TestKeys.TimestampMs, body, signature);
            StandardSignature.Write(TestKeys.Secret, id, TestKeys.TimestampMs / 1000, body, signature);
        });
    }

    [Fact]
    public void Checking_a_signature_allocates_nothing()
    {
        var body = new byte[1 << 10];
        var signature = RelaySignature.Sign(TestKeys.ApiKey, TestKeys.TimestampMs, body);

        Allocated.AtMost(0, () => RelaySignature.Matches(TestKeys.ApiKey, signature, TestKeys.TimestampMs, body));
    }

    [Fact]
    public void Checking_a_standard_signature_allocates_nothing()
    {
        var (body, id) = (new byte[1 << 10], TestKeys.Event.ToString());
        var signature = StandardSignature.Sign(TestKeys.Secret, id, TestKeys.TimestampMs / 1000, body);

        Allocated.AtMost(0, () => StandardSignature.Matches(TestKeys.Secret, signature, id, TestKeys.TimestampMs / 1000, body));
    }

    [Theory]
    [InlineData("""{"text":"plain"}""")]
    [InlineData("""{ "text" : "\u00e9\/é𝄞", "numbers" : [1, 2.50, -3e9], "nested": {"deep": [[[null, true]]]} }""")]
    [InlineData("text=plain")]
    public void Canonical_text_allocates_nothing(string body)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        using var output = new PooledBufferWriter(4 << 10);

        Allocated.AtMost(0, () =>
        {
            output.Clear();
            CanonicalJson.TryWrite(bytes, output);
        });
    }

    [Fact]
    public void Event_ids_allocate_nothing_but_their_text()
    {
        var (utf8, text) = (new byte[EventId.TextLength], TestKeys.Event.ToString());

        Allocated.AtMost(0, () => TestKeys.Event.Format(utf8));
        Allocated.AtMost(0, () => _ = EventId.TryParse(text, out _));
        Allocated.AtMost(0, () => EventId.FromBytes(utf8));
        Allocated.AtMost(96, () => TestKeys.Event.ToString());
    }
}
