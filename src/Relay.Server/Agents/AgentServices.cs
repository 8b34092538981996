using Microsoft.Extensions.Options;

namespace Relay.Server.Agents;

internal static class AgentServices
{
    public static IServiceCollection AddAgents(this IServiceCollection services)
    {
        services.AddOptions<RelayOptions>().BindConfiguration(RelayOptions.Section).ValidateOnStart();
        services.AddOptions<EncryptionOptions>().BindConfiguration(EncryptionOptions.Section).ValidateOnStart();
        services.AddSingleton<DevelopmentKeys>();
        services.AddSingleton<IPostConfigureOptions<RelayOptions>>(static provider => provider.GetRequiredService<DevelopmentKeys>());
        services.AddSingleton<IPostConfigureOptions<EncryptionOptions>>(static provider => provider.GetRequiredService<DevelopmentKeys>());
        services.AddSingleton<IValidateOptions<RelayOptions>, RelayOptionsValidator>();
        services.AddSingleton<IValidateOptions<EncryptionOptions>, EncryptionOptionsValidator>();

        services.AddSingleton(static provider => new SecretBox(
            provider.GetRequiredService<IOptions<EncryptionOptions>>().Value.Keys.Select(Convert.FromBase64String)));
        services.AddSingleton<AgentDirectory>();
        services.AddHostedService<ChangedAgents>();
        services.AddSingleton<KeyUsage>();
        services.AddHostedService(static provider => provider.GetRequiredService<KeyUsage>());
        services.AddSingleton<Access>();
        services.AddSingleton<AgentRegistrar>();
        services.AddSingleton<AgentEditor>();
        services.AddSingleton<KeyRotation>();
        services.AddSingleton<AgentPresenter>();
        services.AddSingleton<WebhookUrls>();
        return services;
    }
}
