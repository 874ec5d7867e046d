0.000 candidates node1
0.000 delay preVoteResponse any->node1 by 2s
0.000 drop preVoteRequest node1->any skip 4
      node1 starts, boot 1
      node2 starts, boot 1
      node4 starts, boot 1
      node3 starts, boot 1
      node5 starts, boot 1
      committed to 1
1.200 candidates node1 node5
1.200 delay voteRequest node5->node1 by 5s
1.200 drop any node5->node1
1.200 drop any node5->node2
      node5 campaigns in term 2
      node5 leads in term 2
      committed to 5
      node1 campaigns in term 2
9.000 heal
      committed to 7
       the faults stop for node1 node2 node3 node4 node5
       held
