0.000 candidates node1
0.000 delay voteResponse any->node1 by 2s next 2
0.000 drop voteRequest node1->any skip 2
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 campaigns in term 3
      node1 campaigns in term 4
      node1 campaigns in term 5
      node1 campaigns in term 6
      node1 campaigns in term 7
      node1 campaigns in term 8
5.000 heal
      node2 campaigns in term 3
      node1 campaigns in term 9
      node1 leads in term 9
      committed to 5
       the faults stop for node1 node2 node3
       held
