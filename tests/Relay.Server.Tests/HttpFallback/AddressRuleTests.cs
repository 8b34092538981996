using System.Net;
using Microsoft.Extensions.Options;
using Relay.Server.HttpFallback;

namespace Relay.Server.Tests.HttpFallback;

public sealed class AddressRuleTests
{
    public static TheoryData<string> NotPublic { get; } =
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.255.255.254",
        "169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1",
        "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
        "255.255.255.255", "168.63.129.16", "100.100.100.200",
        "::", "::1", "fe80::1", "fe80::1%1", "febf::1", "fec0::1", "fc00::1", "fd00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "3fff::1",
        "100::1", "2001::1", "2001:2::1", "2001:20::1", "5f00::1", "4000::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1", // mapped, translated
        "::127.0.0.1", "::10.0.0.1", "::8.8.8.8", // compatible
        "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", // NAT64
        "2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::", "2002:808:808::", // 6to4
        "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:0:a00:1::", // Teredo
    ];

    [Theory, MemberData(nameof(NotPublic))]
    public void What_is_not_public_is_refused(string address)
    {
        Assert.False(Rule().Permits(IPAddress.Parse(address)));
        Assert.False(Rule().PermitsPlainly(IPAddress.Parse(address)));
    }

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("8.8.8.8")]
    [InlineData("9.255.255.255")]
    [InlineData("11.0.0.0")]
    [InlineData("100.63.255.255")]
    [InlineData("100.128.0.0")]
    [InlineData("126.255.255.255")]
    [InlineData("128.0.0.1")]
    [InlineData("169.253.255.255")]
    [InlineData("172.15.255.255")]
    [InlineData("172.32.0.0")]
    [InlineData("192.167.255.255")]
    [InlineData("223.255.255.255")]
    [InlineData("2606:4700:4700::1111")]
    [InlineData("2a00:1450:4001:829::200e")]
    [InlineData("::ffff:8.8.8.8")]
    [InlineData("64:ff9b::8.8.8.8")]
    public void What_is_public_may_be_called_but_only_with_tls(string address)
    {
        Assert.True(Rule().Permits(IPAddress.Parse(address)));
        Assert.False(Rule().PermitsPlainly(IPAddress.Parse(address)));
    }

    [Theory]
    [InlineData("10.1.2.3", true)]
    [InlineData("::ffff:10.1.2.3", true)]
    [InlineData("64:ff9b::10.1.2.3", true)]
    [InlineData("fd12::7", true)]
    [InlineData("10.2.0.1", false)]
    [InlineData("127.0.0.1", false)]
    [InlineData("fd13::1", false)]
    [InlineData("169.254.169.254", false)]
    public void What_the_operator_allowed_may_be_called_also_without_tls_and_nothing_beside_it(string address, bool allowed)
    {
        var rule = Rule("10.1.0.0/16", "fd12::/16");

        Assert.Equal(allowed, rule.Permits(IPAddress.Parse(address)));
        Assert.Equal(allowed, rule.PermitsPlainly(IPAddress.Parse(address)));
    }

    [Fact]
    public void A_network_that_is_none_is_named()
    {
        var result = new HttpFallbackOptionsValidator().Validate(null, new HttpFallbackOptions { AllowedNetworks = ["10.0.0.0/8", "10.0.0.0/33", "all"] });

        Assert.Equal(2, result.Failures!.Count());
        Assert.Contains("Relay:HttpFallback:AllowedNetworks:1", result.FailureMessage, StringComparison.Ordinal);
        Assert.Contains("Relay:HttpFallback:AllowedNetworks:2", result.FailureMessage, StringComparison.Ordinal);
    }

    private static AddressRule Rule(params string[] allowed) => new(Options.Create(new HttpFallbackOptions { AllowedNetworks = allowed }));
}
