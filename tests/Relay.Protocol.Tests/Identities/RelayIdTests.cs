namespace Relay.Protocol.Tests.Identities;

public class RelayIdTests
{
    [Theory]
    [InlineData("agt_0123456789abcdef")]
    [InlineData("agt_0123456789abcdef0")]
    [InlineData("agt_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")]
    public void Sixteen_to_sixty_four_hex_digits_are_an_id(string text)
    {
        Assert.True(RelayId.TryParse(text, out var id));
        Assert.Equal(text, id.Value);
        Assert.Equal(text, id.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("agt_")]
    [InlineData("agt_0123456789abcde")]
    [InlineData("agt_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0")]
    [InlineData("agt_0123456789ABCDEF")]
    [InlineData("agt_0123456789abcdeg")]
    [InlineData("AGT_0123456789abcdef")]
    [InlineData("evt_0123456789abcdef")]
    [InlineData("0123456789abcdef0123")]
    [InlineData(" agt_0123456789abcdef")]
    [InlineData("agt_0123456789abcdef\n")]
    [InlineData("agt_0123456789abcde/")]
    [InlineData("agt_../../../../../../")]
    [InlineData("agt_٠١٢٣٤٥٦٧٨٩٠١٢٣٤٥")]
    public void Anything_else_is_not(string? text)
    {
        Assert.False(RelayId.TryParse(text, out var id));
        Assert.Equal(default, id);
    }

    [Fact]
    public void New_ids_are_valid_and_differ()
    {
        var ids = Enumerable.Range(0, 1000).Select(_ => RelayId.New()).ToHashSet();

        Assert.Equal(1000, ids.Count);
        Assert.All(ids, id => Assert.True(RelayId.TryParse(id.Value, out var same) && same == id));
        Assert.All(ids, id => Assert.Equal(4 + 32, id.Value.Length));
    }

    [Fact]
    public void The_default_id_is_empty_text() => Assert.Equal("", default(RelayId).Value);
}
