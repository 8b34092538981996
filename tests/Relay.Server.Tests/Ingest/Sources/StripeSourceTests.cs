namespace Relay.Server.Tests.Ingest.Sources;

public sealed class StripeSourceTests
{
    private const string Right = "v1=133790eba1869ddea279818894c1393aa40870b9daaf31b0bc9fe243657e15cd";
    private const string Wrong = "v1=0000000000000000000000000000000000000000000000000000000000000000";

    [Theory]
    [InlineData($"t=1767323045,{Wrong},{Right}", true)]
    [InlineData($"t=1767323045,{Right},{Wrong}", true)]
    [InlineData($"{Right}, t=1767323045", true)]
    [InlineData($"t=1767323045,v1=short,{Right}", true)]
    [InlineData($"t=1767323045,{Wrong}", false)]
    [InlineData("t=1767323045,v0=133790eba1869ddea279818894c1393aa40870b9daaf31b0bc9fe243657e15cd", false)]
    [InlineData($"t=1767323045,t=1767323045,{Right}", false)]
    [InlineData($"t=01767323045,{Right}", false)]
    [InlineData("t=1767323045", false)]
    [InlineData(Right, false)]
    public void One_right_v1_beside_the_time_it_signed_is_enough(string header, bool verified) =>
        Assert.Equal(verified, Examples.Stripe.Verify([Examples.Stripe.Secret], alter: headers => headers["Stripe-Signature"] = header));

    [Fact]
    public void A_header_with_a_great_many_signatures_is_refused() => Assert.False(Examples.Stripe.Verify(
        [Examples.Stripe.Secret],
        alter: headers => headers["Stripe-Signature"] = $"t=1767323045,{string.Join(',', Enumerable.Repeat(Wrong, 100))},{Right}"));
}
