using System.Text;
using Relay.Protocol;

namespace Relay.Server.Tests.Ingest.Sources;

public sealed class StandardSourceTests
{
    private const string Right = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    [Theory]
    [InlineData($"v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= {Right}", true)]
    [InlineData($"v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg== {Right}", true)]
    [InlineData("v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", false)]
    [InlineData("g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", false)]
    public void One_right_v1_of_the_list_is_enough(string signatures, bool verified) =>
        Assert.Equal(verified, Examples.Standard.Verify([Examples.Standard.Secret], alter: headers => headers["webhook-signature"] = signatures));

    /// <summary>What was signed is one text; where its id ends must not be the sender's choice.</summary>
    [Fact]
    public void A_part_of_an_old_body_does_not_pass_for_a_new_timestamp()
    {
        const string Id = "msg_1", Body = """{"note":"x.1767323045.{}"}""";
        const long LongAgo = 1_600_000_000;
        Assert.True(SigningSecret.TryParse(Examples.Standard.Secret, out var secret));
        var signature = StandardSignature.Sign(secret, Id, LongAgo, Encoding.UTF8.GetBytes(Body));

        Assert.False((Examples.Standard with { SignedAt = 1_767_323_045 }).Verify([Examples.Standard.Secret], """{}"}"""u8.ToArray(), alter: headers =>
        {
            headers["webhook-id"] = $$"""{{Id}}.{{LongAgo}}.{"note":"x""";
            headers["webhook-timestamp"] = "1767323045";
            headers["webhook-signature"] = signature;
        }));
    }
}
