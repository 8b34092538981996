using Microsoft.Extensions.Options;

namespace Relay.Server.Cluster;

internal static class ClusterServices
{
    /// <summary>Makes this process one of the nodes that share a store.</summary>
    public static IServiceCollection AddCluster(this IServiceCollection services)
    {
        services.AddOptions<ClusterOptions>().BindConfiguration(ClusterOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<ClusterOptions>, ClusterOptionsValidator>();
        services.AddSingleton<NodeIdentity>();
        services.AddSingleton<ClusterMember>();
        services.AddHostedService(static provider => provider.GetRequiredService<ClusterMember>());
        return services;
    }
}
