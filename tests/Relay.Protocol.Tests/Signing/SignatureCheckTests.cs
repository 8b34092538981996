using System.Globalization;

namespace Relay.Protocol.Tests.Signing;

public class SignatureCheckTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeMilliseconds(TestKeys.TimestampMs);

    [Theory]
    [InlineData(0, true)]
    [InlineData(300_000, true)]
    [InlineData(300_001, false)]
    [InlineData(-60_000, true)]
    [InlineData(-60_001, false)]
    public void A_timestamp_may_be_five_minutes_old_and_one_minute_ahead(long ageMs, bool fresh)
    {
        var timestamp = TestKeys.TimestampMs - ageMs;
        var signature = RelaySignature.Sign(TestKeys.ApiKey, timestamp, "{}"u8);

        Assert.Equal(fresh, RelaySignature.Verify(TestKeys.ApiKey, signature, timestamp, "{}"u8, Now));
    }

    [Theory]
    [InlineData(300, true)]
    [InlineData(301, false)]
    [InlineData(-60, true)]
    [InlineData(-61, false)]
    public void A_standard_timestamp_may_be_five_minutes_old_and_one_minute_ahead(long ageSeconds, bool fresh)
    {
        var timestamp = (TestKeys.TimestampMs / 1000) - ageSeconds;
        var signature = StandardSignature.Sign(TestKeys.Secret, "msg_1", timestamp, "{}"u8);

        Assert.Equal(fresh, StandardSignature.Verify(TestKeys.Secret, signature, "msg_1", timestamp, "{}"u8, Now));
    }

    [Theory]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    public void The_farthest_timestamps_are_refused_without_overflow(long timestamp)
    {
        var relay = RelaySignature.Sign(TestKeys.ApiKey, timestamp, "{}"u8);
        var standard = StandardSignature.Sign(TestKeys.Secret, "msg_1", timestamp, "{}"u8);

        Assert.False(RelaySignature.Verify(TestKeys.ApiKey, relay, timestamp, "{}"u8, Now));
        Assert.False(StandardSignature.Verify(TestKeys.Secret, standard, "msg_1", timestamp, "{}"u8, Now));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("sha256=")]
    [InlineData("sha256=0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("sha256=é00000000000000000000000000000000000000000000000000000000000000é")]
    public void A_wrong_signature_is_refused(string? signature) =>
        Assert.False(RelaySignature.Verify(TestKeys.ApiKey, signature, TestKeys.TimestampMs, "{}"u8, Now));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("v1,")]
    [InlineData("v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("v1,éAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\ud800")]
    public void A_wrong_standard_signature_is_refused(string? signature) =>
        Assert.False(StandardSignature.Verify(TestKeys.Secret, signature, "msg_1", TestKeys.TimestampMs / 1000, "{}"u8, Now));

    [Fact]
    public void The_right_standard_signature_is_found_among_ten()
    {
        var timestamp = TestKeys.TimestampMs / 1000;
        var right = StandardSignature.Sign(TestKeys.Secret, "msg_1", timestamp, "{}"u8);
        var wrong = StandardSignature.Sign(TestKeys.OldSecret, "msg_1", timestamp, "{}"u8);
        var ten = string.Join(' ', Enumerable.Repeat(wrong, 9).Append(right));

        Assert.True(StandardSignature.Verify(TestKeys.Secret, ten, "msg_1", timestamp, "{}"u8, Now));
    }

    [Fact]
    public void Half_a_surrogate_pair_or_too_long_an_id_is_refused_and_does_not_throw()
    {
        Assert.False(StandardSignature.Verify(TestKeys.Secret, "v1,x", "msg_\ud800", TestKeys.TimestampMs / 1000, "{}"u8, Now));
        Assert.False(StandardSignature.Verify(TestKeys.Secret, "v1,x", new string('i', 257), TestKeys.TimestampMs / 1000, "{}"u8, Now));
    }

    [Fact]
    public void Signatures_do_not_follow_the_culture()
    {
        var before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("") { NumberFormat = { NegativeSign = "minus", NumberGroupSeparator = "_" } };
            Assert.Equal("sha256=a8a4924bf6de5f6a1e23b675ccaf1b055b65a570ed703ca9e7131711a8d426df",
                RelaySignature.Sign(TestKeys.ApiKey, TestKeys.TimestampMs, """{"event":"ping","ok":true,"n":3,"none":null}"""u8));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
