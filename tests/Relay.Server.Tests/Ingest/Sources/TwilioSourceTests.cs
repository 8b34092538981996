namespace Relay.Server.Tests.Ingest.Sources;

public sealed class TwilioSourceTests
{
    // printf %s 'https://mycompany.com:8443/myapp.php?foo=1&bar=2CallSidCA1234567890ABCDECaller+14158675309Digits1234From+14158675309To+18005551212' |
    //   openssl dgst -sha1 -hmac 12345 -binary | base64; the same without ":8443", and with ":443".
    private const string WithPort8443 = "ZOaJEsozlsUyzk5k5fpaCxTxXDA=";
    private const string WithoutPort = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
    private const string WithPort443 = "kvajT1Ptam85bY51eRf/AJRuM3w=";

    [Theory]
    [InlineData("https://mycompany.com/myapp.php?foo=1&bar=2", WithoutPort, true)]
    [InlineData("https://mycompany.com/myapp.php?foo=1&bar=2", WithPort443, true)]
    [InlineData("https://mycompany.com:443/myapp.php?foo=1&bar=2", WithoutPort, true)]
    [InlineData("https://mycompany.com:8443/myapp.php?foo=1&bar=2", WithPort8443, true)]
    [InlineData("https://mycompany.com:8443/myapp.php?foo=1&bar=2", WithoutPort, true)]
    [InlineData("https://mycompany.com/myapp.php?foo=1&bar=2", WithPort8443, false)]
    [InlineData("http://mycompany.com/myapp.php?foo=1&bar=2", WithoutPort, false)]
    [InlineData("https://mycompany.com/myapp.php?foo=1&bar=3", WithoutPort, false)]
    [InlineData("https://mycompany.com/other.php?foo=1&bar=2", WithoutPort, false)]
    public void The_address_must_be_the_signed_one_but_for_its_port(string url, string signature, bool verified) =>
        Assert.Equal(verified, Examples.Twilio.Verify([Examples.Twilio.Secret], url: url, alter: headers => headers["X-Twilio-Signature"] = signature));

    /// <summary>github.com/twilio/twilio-php, RequestValidatorTest.php: testValidateWithArrayAndDuplicates.</summary>
    [Fact]
    public void Repeated_parameters_are_signed_once_and_in_order()
    {
        var example = Examples.Twilio with { Body = "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234" };

        Assert.True(example.Verify([example.Secret], alter: static headers => headers["X-Twilio-Signature"] = "IK+Dwps556ElfBT0I3Rgjkr1wJU="));
    }

    [Fact]
    public void A_body_that_is_neither_form_nor_hashed_is_not_signed() =>
        Assert.False(Examples.Twilio.Verify([Examples.Twilio.Secret], alter: static headers => headers["Content-Type"] = "application/json"));

    [Fact]
    public void A_form_of_many_thousand_parameters_is_refused()
    {
        var example = Examples.Twilio with { Body = string.Join('&', Enumerable.Range(0, 100_000).Select(static i => $"a{i}=1")) };

        Assert.False(example.Verify([example.Secret]));
    }

    [Theory]
    [InlineData("%")]
    [InlineData("%zz=%u0041&&==&=")]
    [InlineData("a=%ff%fe&\0=\ud800")]
    public void A_strange_form_never_throws(string body) => Assert.False((Examples.Twilio with { Body = body }).Verify([Examples.Twilio.Secret]));
}
